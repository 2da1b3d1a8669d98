// What can be done with a job: stop it, hold it, go on, run it again, take over its settings, delete it.

import { api } from "../api.js";
import { ENDED } from "../run.js";
import { act } from "../session.js";
import { asState } from "../settings.js";
import { state } from "../state.js";
import { html } from "../ui.js";
import { t } from "../words.js";

export function Actions({ job, name, forget }) {
  const button = (action, does) => html`<button type="button" class="plain" aria-label=${`${t(`act.${action}`)}: ${name}`} onClick=${does}>${t(`act.${action}`)}</button>`;
  const again = () => {
    const { config } = job;
    const body = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
    act(() => api.train(body));
  };
  const remove = () => act(async () => {
    await api.remove(job.id);
    forget();
    state.adjust({ jobs: state.list("jobs").filter((id) => id !== job.id).join(), job: state.get("job") === job.id ? "" : state.get("job") });
  });
  const settings = () => state.go({ view: "lab", ...asState(job.config), job: job.id });
  if (ENDED.has(job.status)) {
    return html`${job.kind === "train" && html`${button("again", again)}${button("settings", settings)}`}${button("delete", remove)}`;
  }
  return html`${job.status === "running" && button("pause", () => act(() => api.act(job.id, "pause")))}
    ${job.status === "paused" && button("resume", () => act(() => api.act(job.id, "resume")))}
    ${button("cancel", () => act(() => api.act(job.id, "cancel")))}`;
}
