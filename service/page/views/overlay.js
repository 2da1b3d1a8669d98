// Overlay: one loss of the selected runs in a chart for each loss function, and a table of their values and of the settings that differ.

import { Lines } from "../charts/lines.js";
import { smoothed, thinned } from "../charts/losses.js";
import { ENDED, indexAt, LOSSES } from "../run.js";
import { differing, settingText } from "../labels.js";
import { MAX_DRAWN, selection } from "../selection.js";
import { state } from "../state.js";
import { Component, html, markCut } from "../ui.js";
import uPlot from "../charts/uplot.js";
import { displayed, fine, gap, hasWords, t, whole } from "../words.js";
import { lineStyle, madeOf, Swatch } from "./parts.js";
import { runName } from "./runhead.js";

const CURVES = ["generator", "fake", "real"];
const POINTS = 24_000; // of all lines together

export default class Overlay extends Component {
  cache = {};

  /** What `compute` returned for this name, until the key changes. */
  cached(name, key, compute) {
    if (this.cache[name]?.key !== key) this.cache[name] = { key, value: compute() };
    return this.cache[name].value;
  }

  /** The curve of a run, smoothed. */
  mean(run, curve, smooth) {
    const { values } = run.points[curve];
    return this.cached(run.job.id, [curve, smooth, run.version].join(), () => smoothed(values, Math.round((smooth / 100) * 0.1 * values.length)));
  }

  /** The lines of the runs with one loss function. */
  data(loss, runs, curve, smooth, [from = 0, to = Infinity]) {
    return this.cached(loss, [curve, smooth, from, to, ...runs.map((run) => run.job.id + run.version)].join(), () => {
      const tables = runs.map((run) => {
        const iterations = run.points.iteration.values;
        const first = Math.max(indexAt(iterations, from) - 1, 0);
        const last = Math.min(indexAt(iterations, to) + 2, iterations.length);
        return thinned(iterations, [this.mean(run, curve, smooth)], first, last, Math.max(POINTS / runs.length, 400)).map((column) => Array.from(column));
      });
      return tables.length > 1 ? uPlot.join(tables) : tables[0];
    });
  }

  /** The smoothed loss at an iteration, or else the mean of the last tenth, as in the table. */
  value(run, curve, smooth, at) {
    const iterations = run.points.iteration.values;
    if (at === null) return run.job.result?.[LOSSES[curve]] ?? meanOf(run.points[curve].values.subarray(indexAt(iterations, 0.9 * iterations.at(-1))));
    const mean = this.mean(run, curve, smooth);
    return !mean.length || at > iterations.at(-1) + run.config.record_every ? NaN : mean[indexAt(iterations, at)];
  }

  render(_, { hover = null, pinned = null, focus }) {
    const { ids, runs } = selection;
    if (!ids.length) return html`<div class="overlay none"><${Sketch} /><p>${t("overlay.none")}</p></div>`;
    const curve = CURVES.includes(state.get("curve")) ? state.get("curve") : "generator";
    const smooth = Math.min(Math.max(state.number("smooth", 25), 0), 100);
    const log = state.list("log");
    const span = state.get("span").split("-").filter(Boolean).map(Number);
    const shown = runs.filter((run) => run.points[curve].length);
    const losses = [...new Set(shown.map((run) => run.config.loss))];
    const end = Math.max(0, ...shown.map((run) => run.points.iteration.values.at(-1)));
    const at = hover ?? pinned;
    const isNegative = shown.length > 0 && shown.every((run) => run.equilibriumOf(curve) < 0);
    const differ = differing(runs.map((run) => run.config));
    const columns = [
      ...differ.map((name) => [t(hasWords(`compare.${name}`) ? `compare.${name}` : `field.${name}`), ({ config }) => settingText(config[name])]),
      [t("compare.bits"), madeOf],
      [t("compare.settled_at"), ({ result }) => (result?.settled_at ? whole(result.settled_at) : "–")],
    ];
    const notes = [
      ids.length > MAX_DRAWN && t("overlay.most", { drawn: whole(MAX_DRAWN), count: whole(ids.length) }),
      losses.length > 1 && t("overlay.scales"),
      runs.length > shown.length && t("overlay.without", { count: whole(runs.length - shown.length) }),
    ].filter(Boolean);
    const last = runs.every((run) => ENDED.has(run.job.status)) ? "overlay.last" : "overlay.last.live";
    const toggle = (axis) => state.replace({ log: (log.includes(axis) ? log.filter((name) => name !== axis) : [...log, axis]).join() });
    return html`<figure class="picture overlay"><figcaption class="picture-title"><h2>${t("losses.title")}</h2>
        <div class="segments" role="group" aria-label=${t("overlay.curve")}>${CURVES.map((name) => html`<button type="button" class="chip" aria-pressed=${name === curve}
          onClick=${() => state.replace({ curve: name === "generator" ? "" : name })}>${t(`losses.${name}`)}</button>`)}</div>
        <div class="tools"><label class="smooth">${t("losses.smooth")}<input type="range" min="0" max="100" value=${smooth} onInput=${(event) => state.replace({ smooth: event.target.value })} /></label>
          ${["x", "y"].map((axis) => html`<button type="button" class="chip" disabled=${axis === "y" && isNegative} title=${axis === "y" && isNegative ? t("overlay.nolog") : undefined} aria-pressed=${log.includes(axis) && !(axis === "y" && isNegative)} onClick=${() => toggle(axis)}>${t(`losses.log${axis}`)}</button>`)}
          ${span.length > 0 && html`<button type="button" class="chip" onClick=${() => state.replace({ span: "" })}>${t("losses.whole")}</button>`}</div></figcaption>
      ${notes.length > 0 && html`<p class="caption">${notes.join(gap())}</p>`}
      ${losses.map((loss) => {
        const group = shown.filter((run) => run.config.loss === loss);
        const curves = group.map((run) => ({ label: run.job.id, width: 2.2, ...lineStyle(selection.placeOf(run.job.id)) }));
        const place = group.findIndex((run) => run.job.id === focus);
        return html`<div key=${loss} class="of-loss">${losses.length > 1 && html`<h3>${displayed(loss)}</h3>`}
          <${Lines} data=${this.data(loss, group, curve, smooth, span)} curves=${curves} equilibrium=${group[0].equilibriumOf(curve)} logX=${log.includes("x")} logY=${log.includes("y") && group[0].equilibriumOf(curve) > 0}
            from=${span[0]} to=${span[1]} tight=${span.length > 0} focus=${place < 0 ? null : place + 1} label=${`${t("overlay.title")}: ${t(`losses.${curve}`)}, ${displayed(loss)}`} still
            onHover=${(x) => this.setState({ hover: x === null ? null : Math.min(Math.max(Math.round(x), 0), end) })} onFocus=${(k) => this.setState({ focus: k ? group[k - 1]?.job.id : undefined })}
            onZoom=${(a, b) => state.replace({ span: `${Math.max(Math.round(a), 0)}-${Math.round(b)}` })} /></div>`;
      })}
      ${end > 0 && html`<label class="values-at"><span>${at === null ? t(last) : t(smooth ? "overlay.at.smoothed" : "overlay.at", { at: whole(at) })}</span>
        <input type="range" min="0" max=${end} step="any" value=${at ?? end} aria-label=${t("overlay.slider")} aria-valuetext=${whole(at ?? end)} onInput=${(event) => this.setState({ pinned: +event.target.value >= end ? null : Math.round(event.target.value) })} /></label>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${t("overlay.differences")} ref=${(box) => box && markCut(box)} onScroll=${(event) => markCut(event.currentTarget)}><table class="values"><caption>${t(runs.length < 2 ? "overlay.more" : differ.length ? "overlay.differences" : "overlay.same")}</caption>
        <thead><tr><th scope="col">${t("compare.name")}</th><th scope="col">${t(`compare.${LOSSES[curve]}`)}</th>${columns.map(([name]) => html`<th scope="col">${name}</th>`)}</tr></thead>
        <tbody>${runs.map((run) => html`<tr key=${run.job.id} class=${run.job.id === focus && "focus"} onPointerEnter=${() => this.setState({ focus: run.job.id })} onPointerLeave=${() => this.setState({ focus: undefined })}>
          <th scope="row" title=${runName(run.job)}><div><${Swatch} place=${selection.placeOf(run.job.id)} /><span>${runName(run.job)}</span><button type="button" class="plain" aria-label=${t("overlay.drop", { name: runName(run.job) })} onClick=${() => selection.drop([run.job.id])}>×</button></div></th>
          <td><b>${fine(this.value(run, curve, smooth, at), 3)}</b></td>${columns.map(([, value]) => html`<td>${value(run.job)}</td>`)}</tr>`)}</tbody></table></div>
    </figure>`;
  }
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A chart that waits for runs. */
const Sketch = () => html`<svg viewBox="0 0 120 64" width="120" height="64" aria-hidden="true"><path class="axis" d="M6 4v54h110" /><path stroke="var(--run-0)" d="M8 30C22 6 30 58 46 34s22 4 34-4 20 2 34-1" /><path stroke="var(--run-1)" d="M8 42c16 8 22-30 38-20s20 18 36 12 20-4 32-3" /></svg>`;
