// A run from every side at one moment: the machine, the losses, the evolution, D's surface, and G's answer to its seed.

import { Evolution } from "../charts/evolution.js";
import { Losses } from "../charts/losses.js";
import { Machine } from "../charts/machine.js";
import { Response } from "../charts/response.js";
import { Surface } from "../charts/surface.js";
import { state } from "../state.js";
import { classes, html } from "../ui.js";
import { t, whole } from "../words.js";

export function Watch({ run }) {
  if (!run) return null;
  const real = Boolean(run.job.id);
  if (!run.kept.length && !run.points.iteration.length) return html`<p class="card empty">${t("replay.nothing")}</p>`;
  return html`<div class=${classes("watch", !run.pair && "alone")}>
    ${run.replayable ? html`<div class="card of-machine"><${Machine} name="machine" /></div>` : real && html`<p class="card note all">${t(run.kept.length ? "replay.toolarge" : "replay.nothing", { count: whole(run.kept.length) })}</p>`}
    ${run.replayable && html`<div class="card of-surface"><${Surface} name="surface" title=${t("surface.title", { vector: run.width > 8 ? t("surface.vector") : [...run.ones].map((one) => (one ? "x" : "y")).join(", ") })} note=${t("surface.note")} /></div>`}
    ${real && html`<div class="card of-losses"><${Losses} run=${run} /></div>`}
    ${run.pair && real && html`<div class="card of-evolution"><${Evolution} name="evolution" title=${t("evolution.title")} note=${t("evolution.note")} /></div>`}
    ${run.replayable && run.pair && real && html`<div class="card of-response"><${Response} name="response" title=${t("response.title")} note=${t("response.note")} fed=${state.number("feed", run.config.latent_value)} /></div>`}
  </div>`;
}
