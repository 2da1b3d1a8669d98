// Charts of a run at the current moment: machine, losses, evolution, D's surface, and G's response to its latent.

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
  if (!run.snapshotIterations.length && !run.points.iteration.length) return html`<p class="card empty">${t("replay.nothing")}</p>`;
  return html`<div class=${classes("watch", !run.hasGenerator && "alone")}>
    ${run.hasWeights ? html`<div class="card of-machine"><${Machine} name="machine" /></div>` : real && html`<p class="card note all">${t(run.snapshotIterations.length ? "replay.toolarge" : "replay.nothing", { count: whole(run.snapshotIterations.length) })}</p>`}
    ${run.hasWeights && html`<div class="card of-surface"><${Surface} name="surface" title=${t("surface.title", { vector: run.width > 8 ? t("surface.vector") : [...run.ones].map((one) => (one ? "x" : "y")).join(", ") })} note=${t("surface.note")} /></div>`}
    ${real && html`<div class="card of-losses"><${Losses} run=${run} /></div>`}
    ${run.hasGenerator && real && html`<div class="card of-evolution"><${Evolution} name="evolution" title=${t("evolution.title")} note=${t("evolution.note")} /></div>`}
    ${run.hasWeights && run.hasGenerator && real && html`<div class="card of-response"><${Response} name="response" title=${t("response.title")} note=${t("response.note")} latent=${state.number("feed", run.config.latent_value)} /></div>`}
  </div>`;
}
