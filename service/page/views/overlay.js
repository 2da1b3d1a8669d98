// Overlay: one loss of several runs in one chart, and a table of the settings that differ.

import { Lines } from "../charts/lines.js";
import { smoothed, thinned } from "../charts/losses.js";
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { state } from "../state.js";
import { Component, html } from "../ui.js";
import { fine, hasWords, t, whole } from "../words.js";
import { runName } from "./runhead.js";
import { style, Swatch } from "./swatch.js";

const CURVES = ["generator", "fake", "real"];

export class Overlay extends Component {
  data(runs, curve, smooth) {
    const key = [curve, smooth, ...runs.map((run) => run.job.id + run.version)].join();
    if (key !== this.key) {
      this.key = key;
      const tables = runs.map((run) => {
        const values = run.points[curve].values;
        const mean = smoothed(values, Math.round((smooth / 100) * 0.1 * values.length));
        return values.length ? thinned(run.points.iteration.values, [mean], 0, values.length).map((column) => Array.from(column)) : [[], []];
      });
      this.joined = tables.length > 1 ? uPlot.join(tables) : tables[0];
    }
    return this.joined;
  }

  render({ runs, place }) {
    const curve = CURVES.includes(state.get("curve")) ? state.get("curve") : "generator";
    const smooth = state.number("smooth", 25);
    const curves = runs.map((run) => ({ label: run.job.id, colour: (colours) => colours[style(place(run)).name], width: 2.2, dash: style(place(run)).dash }));
    return html`<figure class="picture overlay"><figcaption class="picture-title"><h2>${t("overlay.title")}</h2>
        <div class="tools"><div class="segments" role="group" aria-label=${t("overlay.curve")}>${CURVES.map((name) => html`<button type="button" class="chip" aria-pressed=${name === curve}
          onClick=${() => state.replace({ curve: name === "generator" ? "" : name })}>${t(`losses.${name}`)}</button>`)}</div></div></figcaption>
      <${Lines} data=${this.data(runs, curve, smooth)} curves=${curves} equilibrium=${new Set(runs.map((run) => run.equilibrium)).size === 1 ? runs[0].equilibrium : null} label=${t("overlay.title")} still />
      <ul class="legend">${runs.map((run) => html`<li><${Swatch} place=${place(run)} />${runName(run.job)}</li>`)}</ul>
      <${Differences} runs=${runs} place=${place} />
    </figure>`;
  }
}

/** The displayed name of a setting's value. */
const displayed = (value) => [`choice.${value}`, `preset.${value}.name`].filter(hasWords).map((key) => t(key))[0] ?? String(value);

/** Settings that differ, and results, side by side. */
function Differences({ runs, place }) {
  if (runs.length < 2) return html`<p class="caption">${t("overlay.more")}</p>`;
  const differ = Object.keys(runs[0].config).filter((name) => name !== "name" && new Set(runs.map((run) => String(run.config[name]))).size > 1);
  const rows = [
    ...differ.map((name) => [t(`field.${name}`), (run) => displayed(run.config[name])]),
    [t("compare.bits"), ({ job }) => job.result?.bits ?? "–"],
    [t("compare.settled"), ({ job }) => (job.result?.settled_at ? whole(job.result.settled_at) : "–")],
    [t("question.generator_loss"), ({ job }) => fine(job.result?.generator_loss ?? NaN, 3)],
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("overlay.differences")}><table class="differences"><caption>${t(differ.length ? "overlay.differences" : "overlay.same")}</caption>
    <thead><tr><td></td>${runs.map((run) => html`<th scope="col"><${Swatch} place=${place(run)} /> ${runName(run.job)}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th>${runs.map((run) => html`<td>${value(run)}</td>`)}</tr>`)}</tbody></table></div>`;
}
