// Charts of a run at the current moment: machine, losses, evolution, D's surface, and G's response to its latent.

import { Evolution } from "../charts/evolution.js";
import { Losses } from "../charts/losses.js";
import { Machine } from "../charts/machine.js";
import { nothing, Response } from "../charts/response.js";
import { Surface, surfaceTitle } from "../charts/surface.js";
import { state } from "../state.js";
import { classes, html } from "../ui.js";
import { gap, short, t, whole } from "../words.js";
import { Made } from "./made.js";

export function Watch({ run }) {
  if (!run) return null;
  const real = Boolean(run.job.id);
  if (!run.snapshotIterations.length && !run.points.iteration.length) return html`<p class="card empty">${t("replay.nothing")}</p>`;
  return html`<div class=${classes("watch", !run.hasGenerator && "alone", run.varies && "varied")}>
    ${run.hasWeights ? html`<div class="card of-machine"><${Machine} name="machine" /></div>` : real && html`<p class="card note all">${t(run.snapshotIterations.length ? "replay.toolarge" : "replay.nothing", { count: whole(run.snapshotIterations.length) })}</p>`}
    ${run.hasWeights && html`<div class="card of-surface"><${Surface} name="surface" title=${surfaceTitle(run)} note=${surfaceNote(run)} /></div>`}
    ${real && html`<div class="card of-losses"><${Losses} run=${run} /></div>`}
    ${run.hasGenerator && real && html`<div class="card of-evolution"><${Evolution} name="evolution" title=${t("evolution.title")} note=${t(run.varies ? "evolution.note.latent" : "evolution.note", { latent: short(run.config.latent_value) })} /></div>`}
    ${run.hasWeights && run.hasGenerator && real && html`<div class="card of-response"><${Response} name="response" title=${t("response.title")} note=${responseNote(run)} latent=${state.number("feed", run.config.latent_value)} />
      ${run.varies && html`<${Made} run=${run} />`}</div>`}
  </div>`;
}

/** What the marks of the surface mean. */
export const surfaceNote = (run) => t(run.config.latent === "constant" ? "surface.note" : "surface.note.varies", { latent: short(run.config.latent_value) });

/** What the lines of the response chart mean. */
export const responseNote = (run) => t(run.patterns.length > 1 ? "response.note.several" : "response.note", { pattern: run.patterns[0], nothing: nothing(run) }) + (run.config.latent === "normal" ? gap() + t("response.bell") : "");
