// Job actions: cancel, pause, resume, run again, copy the settings, delete.

import { api } from "../api.js";
import { ENDED } from "../run.js";
import { runAction, session } from "../session.js";
import { addressOf } from "../settings.js";
import { state } from "../state.js";
import { trash } from "../trash.js";
import { html } from "../ui.js";
import { t } from "../words.js";

export function Actions({ job, name, forget }) {
  const button = (action, onClick, says) => html`<button type="button" class="plain" title=${says} aria-label=${`${t(`act.${action}`)}: ${name}`} onClick=${onClick}>${t(`act.${action}`)}</button>`;
  const act = (action) => button(action, () => runAction(() => api.act(job.id, action)));
  const again = () => {
    const { seed, ...settings } = job.config; // it draws a seed of its own
    runAction(() => api.train(Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null))));
  };
  const copy = () => state.push({ view: "lab", ...addressOf(job.config, session.presets), job: job.id });
  const remove = () => {
    forget?.();
    trash.put([job]);
    if (state.get("job") === job.id) state.replace({ job: "" });
  };
  if (ENDED.has(job.status)) return html`${job.kind === "train" && html`${button("again", again, t("act.again.says"))}${button("settings", copy)}`}${button("delete", remove)}`;
  return html`${act(job.status === "paused" ? "resume" : "pause")}${act("cancel")}`; // in one place, for a second press
}
