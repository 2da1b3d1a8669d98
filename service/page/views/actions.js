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
  const again = () => {
    const { config } = job;
    const body = Object.fromEntries(Object.entries(config).filter(([setting, value]) => value !== null && setting !== "seed")); // with a seed of its own
    runAction(() => api.train(body));
  };
  const remove = () => {
    forget?.();
    trash.put([job]);
    if (state.get("job") === job.id) state.replace({ job: "" });
  };
  const settings = () => state.push({ view: "lab", ...addressOf(job.config, session.presets), job: job.id });
  if (ENDED.has(job.status)) {
    return html`${job.kind === "train" && html`${button("again", again, t("act.again.says"))}${button("settings", settings)}`}${button("delete", remove)}`;
  }
  return html`${job.status === "running" && button("pause", () => runAction(() => api.act(job.id, "pause")))}
    ${job.status === "paused" && button("resume", () => runAction(() => api.act(job.id, "resume")))}
    ${button("cancel", () => runAction(() => api.act(job.id, "cancel")))}`;
}
