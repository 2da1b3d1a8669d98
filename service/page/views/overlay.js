// Overlay: one loss of the selected runs in a chart for each loss function, their values, and the settings that differ.

import { Lines } from "../charts/lines.js";
import { smoothed, thinned } from "../charts/losses.js";
import { ENDED, indexAt, LOSSES } from "../run.js";
import { differing, labelsOf, settingText } from "../settings.js";
import { state } from "../state.js";
import { Component, html, markCut } from "../ui.js";
import uPlot from "../charts/uplot.js";
import { displayed, fine, hasWords, t, whole } from "../words.js";
import { madeOf } from "./parts.js";
import { runName } from "./runhead.js";
import { MAX_STYLES, style, Swatch } from "./swatch.js";

const CURVES = ["generator", "fake", "real"];
const POINTS = 24_000; // of all lines together

/** Props: the loaded `runs`, their number with those that are loading, and `drop(id)`, which unselects a run. */
export default class Overlay extends Component {
  cache = {};

  /** The curve of each run, smoothed, cached until the run has new points. */
  mean(run, curve, smooth) {
    const key = [curve, smooth, run.version].join();
    if (this.cache[run.job.id]?.key !== key) {
      const values = run.points[curve].values;
      this.cache[run.job.id] = { key, values: smoothed(values, Math.round((smooth / 100) * 0.1 * values.length)) };
    }
    return this.cache[run.job.id].values;
  }

  /** The lines of the runs with one loss function, cached likewise. */
  data(name, runs, curve, smooth, [from, to]) {
    const key = [curve, smooth, from, to, ...runs.map((run) => run.job.id + run.version)].join();
    if (this.cache[name]?.key !== key) {
      const tables = runs.map((run) => {
        const iterations = run.points.iteration.values;
        const first = from === undefined ? 0 : Math.max(indexAt(iterations, from) - 1, 0);
        const last = to === undefined ? iterations.length : Math.min(indexAt(iterations, to) + 2, iterations.length);
        const mean = this.mean(run, curve, smooth);
        return mean.length ? thinned(iterations, [mean], first, last, Math.max(POINTS / runs.length, 400)).map((column) => Array.from(column)) : [[], []];
      });
      this.cache[name] = { key, data: tables.length > 1 ? uPlot.join(tables) : tables[0] };
    }
    return this.cache[name].data;
  }

  /** The smoothed loss at an iteration, or else the mean of the last tenth, as in the table. */
  value(run, curve, smooth, at) {
    const iterations = run.points.iteration.values;
    if (at === null) return run.job.result?.[LOSSES[curve]] ?? meanOf(run.points[curve].values.subarray(indexAt(iterations, 0.9 * iterations.at(-1))));
    const mean = this.mean(run, curve, smooth);
    return !mean.length || at > iterations.at(-1) + run.config.record_every ? NaN : mean[indexAt(iterations, at)];
  }

  render({ runs, count, drop }, { hover = null, pinned = null, focus }) {
    if (!count) return html`<div class="overlay none"><${Sketch} /><p>${t("overlay.none")}</p></div>`;
    const curve = CURVES.includes(state.get("curve")) ? state.get("curve") : "generator";
    const smooth = Math.min(Math.max(state.number("smooth", 25), 0), 100);
    const log = state.list("log");
    const span = state.get("span").split("-").filter(Boolean).map(Number);
    const shown = runs.filter((run) => run.points[curve].length);
    const losses = [...new Set(shown.map((run) => run.config.loss))];
    const end = Math.max(0, ...shown.map((run) => run.points.iteration.values.at(-1)));
    const at = hover ?? pinned;
    const isNegative = shown.length > 0 && shown.every((run) => run.equilibriumOf(curve) < 0);
    const labels = labelsOf(runs.map((run) => run.job));
    const last = runs.every((run) => ENDED.has(run.job.status)) ? "overlay.last" : "overlay.last.live";
    const toggle = (axis) => state.replace({ log: (log.includes(axis) ? log.filter((name) => name !== axis) : [...log, axis]).join() });
    return html`<figure class="picture overlay"><figcaption class="picture-title"><h2>${t("losses.title")}</h2>
        <div class="segments" role="group" aria-label=${t("overlay.curve")}>${CURVES.map((name) => html`<button type="button" class="chip" aria-pressed=${name === curve}
          onClick=${() => state.replace({ curve: name === "generator" ? "" : name })}>${t(`losses.${name}`)}</button>`)}</div>
        <div class="tools"><label class="smooth">${t("losses.smooth")}<input type="range" min="0" max="100" value=${smooth} onInput=${(event) => state.replace({ smooth: event.target.value })} /></label>
          ${["x", "y"].map((axis) => html`<button type="button" class="chip" disabled=${axis === "y" && isNegative} title=${axis === "y" && isNegative ? t("overlay.nolog") : undefined} aria-pressed=${log.includes(axis) && !(axis === "y" && isNegative)} onClick=${() => toggle(axis)}>${t(`losses.log${axis}`)}</button>`)}
          ${span.length > 0 && html`<button type="button" class="chip" onClick=${() => state.replace({ span: "" })}>${t("losses.whole")}</button>`}</div></figcaption>
      ${losses.length > 1 && html`<p class="caption">${t("overlay.scales")}</p>`}
      ${runs.length > shown.length && html`<p class="caption">${t("overlay.without", { count: whole(runs.length - shown.length) })}</p>`}
      ${losses.map((loss) => {
        const group = shown.filter((run) => run.config.loss === loss);
        const curves = group.map((run) => ({ label: run.job.id, width: 2.2, ...style(run.job.id) }));
        const place = group.findIndex((run) => run.job.id === focus);
        return html`<div key=${loss} class="of-loss">${losses.length > 1 && html`<h3>${displayed(loss)}</h3>`}
          <${Lines} data=${this.data(loss, group, curve, smooth, span)} curves=${curves} equilibrium=${group[0].equilibriumOf(curve)} logX=${log.includes("x")} logY=${log.includes("y") && group[0].equilibriumOf(curve) > 0}
            from=${span[0]} to=${span[1]} tight=${span.length > 0} focus=${place < 0 ? null : place + 1} label=${`${t("overlay.title")}: ${t(`losses.${curve}`)}, ${displayed(loss)}`} still
            onHover=${(x) => this.setState({ hover: x === null ? null : Math.min(Math.max(Math.round(x), 0), end) })} onFocus=${(k) => this.setState({ focus: k ? group[k - 1]?.job.id : undefined })}
            onZoom=${(a, b) => state.replace({ span: `${Math.max(Math.round(a), 0)}-${Math.round(b)}` })} /></div>`;
      })}
      ${end > 0 && html`<label class="values-at"><span>${at === null ? t(last) : t(smooth ? "overlay.at.smoothed" : "overlay.at", { at: whole(at) })}</span>
        <input type="range" min="0" max=${end} step="any" value=${at ?? end} aria-label=${t("overlay.slider")} aria-valuetext=${whole(at ?? end)} onInput=${(event) => this.setState({ pinned: +event.target.value >= end ? null : Math.round(event.target.value) })} /></label>`}
      <ul class="values">${runs.map((run, k) => html`<li key=${run.job.id} class=${run.job.id === focus ? "focus" : ""} onPointerEnter=${() => this.setState({ focus: run.job.id })} onPointerLeave=${() => this.setState({ focus: undefined })}>
        <${Swatch} id=${run.job.id} /><span class="value-name">${labels[k]}</span><b>${fine(this.value(run, curve, smooth, at), 3)}</b>
        <button type="button" class="plain" aria-label=${t("overlay.drop", { name: labels[k] })} onClick=${() => drop(run.job.id)}>×</button></li>`)}</ul>
      ${count > MAX_STYLES && html`<p class="caption">${t("overlay.most", { drawn: whole(MAX_STYLES), count: whole(count) })}</p>`}
      <${Differences} runs=${runs} />
    </figure>`;
  }
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Settings that differ, and results: a run in each row. */
function Differences({ runs }) {
  if (runs.length < 2) return html`<p class="caption">${t("overlay.more")}</p>`;
  const differ = differing(runs.map((run) => run.config));
  const columns = [
    ...differ.map((name) => [t(hasWords(`compare.${name}`) ? `compare.${name}` : `field.${name}`), ({ config }) => settingText(config[name])]),
    [t("compare.bits"), madeOf],
    [t("compare.settled_at"), ({ result }) => (result?.settled_at ? whole(result.settled_at) : "–")],
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("overlay.differences")} ref=${(box) => box && markCut(box)} onScroll=${(event) => markCut(event.currentTarget)}><table class="differences"><caption>${t(differ.length ? "overlay.differences" : "overlay.same")}</caption>
    <thead><tr><th scope="col">${t("compare.name")}</th>${columns.map(([name]) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${runs.map(({ job }) => html`<tr key=${job.id}><th scope="row" title=${runName(job)}><${Swatch} id=${job.id} /> ${runName(job)}</th>${columns.map(([, value]) => html`<td>${value(job)}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** A chart that waits for runs. */
const Sketch = () => html`<svg viewBox="0 0 120 64" width="120" height="64" aria-hidden="true"><path class="axis" d="M6 4v54h110" /><path class="run-0" d="M8 30C22 6 30 58 46 34s22 4 34-4 20 2 34-1" /><path class="run-1" d="M8 42c16 8 22-30 38-20s20 18 36 12 20-4 32-3" /></svg>`;
