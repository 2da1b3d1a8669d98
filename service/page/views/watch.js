// Charts of a run at the current moment: machine, losses, evolution, D's surface, and G's response to its latent.

import { Evolution } from "../charts/evolution.js";
import { Losses } from "../charts/losses.js";
import { Machine } from "../charts/machine.js";
import { Response } from "../charts/response.js";
import { Surface, surfaceTitle } from "../charts/surface.js";
import { session, train } from "../session.js";
import { FIELDS } from "../settings.js";
import { state } from "../state.js";
import { html } from "../ui.js";
import { gap, short, t, whole } from "../words.js";
import { CHARTS, isShown } from "./layout.js";
import { Made } from "./made.js";

/** The charts that a run has and the address does not hide. */
export function chartsOf(run) {
  const trained = Boolean(run.job.id);
  const has = {
    machine: run.hasWeights,
    losses: trained && run.points.iteration.length + run.snapshotIterations.length > 0,
    evolution: trained && run.hasGenerator && run.snapshotIterations.length > 0,
    surface: run.hasWeights,
    response: trained && run.hasWeights && run.hasGenerator,
  };
  return CHARTS.filter((name) => has[name] && isShown(name));
}

/** Why a run has no networks to show. */
export const WatchNote = ({ run }) => run.job.id && !run.hasWeights && isShown("machine")
  && html`<p class="card note">${t(run.snapshotIterations.length ? "replay.toolarge" : "replay.nothing", { count: whole(run.snapshotIterations.length) })}</p>`;

export const Watch = ({ run, charts }) => charts.map((name) => html`<div key=${name} class=${`card of-${name}`}>${CHART[name](run)}</div>`);

const CHART = {
  machine: (run) => html`<${Machine} name="machine" beside /><${HiddenUnits} run=${run} />`,
  losses: (run) => html`<${Losses} run=${run} />`,
  evolution: (run) => html`<${Evolution} name="evolution" note=${t(run.varies ? "evolution.note.latent" : "evolution.note", { latent: short(run.config.latent_value) })} />`,
  surface: (run) => html`<${Surface} name="surface" title=${surfaceTitle(run)} note=${surfaceNote(run)} />`,
  response: (run) => html`<${Response} name="response" title=${t("response.title")} note=${responseNote(run)} latent=${state.number("feed", run.config.latent_value)} />${run.varies && html`<${Made} run=${run} />`}`,
};

/** Buttons that train the same run with one hidden unit more or less. */
function HiddenUnits({ run }) {
  const { hidden_size: count } = run.config;
  const { min, max } = FIELDS.hidden_size;
  const button = (change, sign, words) => html`<button type="button" class="secondary small" aria-label=${t(words)} title=${run.job.id ? t("units.trains") : t(words)} disabled=${session.busy || count + change < min || count + change > max}
    onClick=${() => resize(run, count + change)}>${sign}</button>`;
  return html`<div class="hidden-units"><span>${t("field.hidden_size")}</span><div>${button(-1, "−", "units.less")}<b>${count}</b>${button(1, "+", "units.more")}</div>${run.job.id && html`<small>${t("units.trains")}</small>`}</div>`;
}

function resize(run, count) {
  const change = { hidden_size: count };
  const settings = Object.fromEntries(Object.entries(run.config).filter(([, value]) => value !== null));
  if (run.job.id) train({ ...settings, ...change }, "job", change);
  else state.replace(change);
}

/** What the colours, the axes and the marks of the surface mean. */
export const surfaceNote = (run, recent) => html`<span class="score-key">${t("machine.sure.fake")}<i />${t("machine.sure.real")}</span> ${t(run.patterns.length > 1 ? "surface.point" : "surface.axes")}${gap()}${marksOf(run, recent)}`;

const marksOf = (run, recent) => t(run.config.latent === "constant" ? (recent ? "surface.note.recent" : "surface.note") : recent ? "surface.note.dots" : "surface.note.varies", { latent: short(run.config.latent_value) });

/** The places with this bit in the first pattern. */
const placesOf = ({ patterns }, bit) => [...patterns[0]].flatMap((one, k) => (one === bit ? k + 1 : [])).join(t("list.comma")) || "–";

/** What the lines of the response chart mean. */
export const responseNote = (run) => t(run.patterns.length > 1 ? "response.note.several" : "response.note", { solid: placesOf(run, "1"), dashed: placesOf(run, "0") }) + (run.config.latent === "normal" ? gap() + t("response.bell") : "");
