// Loss chart of a run: recorded losses (faint), their moving average, and the equilibrium.

import { player } from "../player.js";
import { indexAt } from "../run.js";
import { state } from "../state.js";
import { Component, html } from "../ui.js";
import { fine, t, whole } from "../words.js";
import { Lines } from "./lines.js";
import { Caption } from "./picture.js";

const MAX_DRAWN = 3000; // points per line; more would share pixels
export const MAX_SMOOTHING = 0.2; // of the run
export const DEFAULT_SMOOTHING = 25; // percent of the maximum
const CURVES = {
  real: { mark: "real", dash: undefined },
  fake: { mark: "fake", dash: [8, 4] },
  generator: { mark: "generator", dash: [2, 3] },
};
export const names = (run) => (run.hasGenerator ? ["real", "fake", "generator"] : ["real", "fake"]);
export const curveName = (run, name) => t(name === "fake" && !run.hasGenerator ? "losses.noise" : `losses.${name}`);

/** The curves of the chart: each loss as recorded, and its moving average. */
export function lossCurves(run) {
  const colour = (name) => (colours) => colours[name];
  return [
    ...names(run).map((name) => ({ label: name, colour: colour(name), width: 1, alpha: 0.22 })),
    ...names(run).map((name) => ({ label: `mean ${name}`, colour: colour(name), width: 2.4, ...CURVES[name] })),
  ];
}

/** The losses of a discriminator that only guesses, and of its generator where that is another. */
export const equilibria = (run) => [...new Set(names(run).map((name) => run.equilibriumOf(name)))];

/** The axes of a run's chart that are logarithmic; negative losses allow none for y. */
export const logAxes = (run) => state.list("log").filter((axis) => axis !== "y" || equilibria(run).every((loss) => loss > 0));

export class Losses extends Component {
  /** The chart's data, cached until the points, the smoothing or the zoom change. */
  data(run, smooth, from, to) {
    const key = [run.job.id, run.version, smooth, from, to].join();
    if (this.key === key) return this.cached;
    this.since = performance.now();
    const iterations = run.points.iteration.values;
    const first = from === undefined ? 0 : Math.max(indexAt(iterations, from) - 1, 0);
    const last = to === undefined ? iterations.length : Math.min(indexAt(iterations, to) + 2, iterations.length);
    const reach = Math.round((smooth / 100) * MAX_SMOOTHING * iterations.length * 0.5);
    const raw = names(run).map((name) => run.points[name].values);
    const means = raw.map((values) => smoothed(values, reach));
    this.key = key;
    this.means = means;
    this.cached = thinned(iterations, [...raw, ...means], first, last);
    return this.cached;
  }

  values(run) {
    const iterations = run.points.iteration.values;
    if (!iterations.length || !this.means) return null;
    const at = player.hover ?? player.at;
    const place = indexAt(iterations, at);
    return { at: iterations[place], means: this.means.map((mean) => mean[place]) };
  }

  render({ run, bare }) {
    const smooth = Math.min(Math.max(state.number("smooth", DEFAULT_SMOOTHING), 0), 100);
    const [from, to] = state.get("zoom").split("-").filter(Boolean).map(Number);
    const log = logAxes(run);
    if (!run?.points.iteration.length) return html`<p class="empty">${t(run.ended ? "losses.none.ended" : "losses.none")}</p>`;
    const curves = lossCurves(run);
    const describe = () => this.describe(run);
    return html`<figure class="picture losses">
      <figcaption class="picture-title"><h3>${t("losses.title")}</h3>${!bare && html`<${Tools} smooth=${smooth} log=${log} zoomed=${from !== undefined} run=${run} />`}</figcaption>
      <${Lines} data=${this.data(run, smooth, from, to)} since=${this.since} curves=${curves} equilibrium=${equilibria(run)} logX=${log.includes("x")} logY=${log.includes("y")}
        from=${from} to=${to} label=${t("losses.title")} onZoom=${(a, b) => state.replace({ zoom: `${Math.max(Math.round(a), 0)}-${Math.round(b)}` })} />
      <${Legend} run=${run} />
      <${Caption} of=${describe} />
    </figure>`;
  }

  describe(run) {
    const values = this.values(run);
    if (!values) return "";
    const list = names(run).map((name, k) => `${curveName(run, name)} ${fine(values.means[k], 3)}`);
    return t("losses.says", { at: whole(values.at), losses: list.join(t("list.comma")) });
  }
}

const Legend = ({ run }) => html`<ul class="legend">${names(run).map((name) => html`<li class=${name}><${Mark} kind=${name} />${curveName(run, name)}</li>`)}</ul>`;

/** A disc, a triangle or a square. */
export const Mark = ({ kind }) => html`<svg class="mark ${kind}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
  ${kind === "real" ? html`<circle cx="6" cy="6" r="5" />` : kind === "fake" ? html`<path d="M6 .8 11.6 11H.4z" />` : html`<rect x="1.2" y="1.2" width="9.6" height="9.6" />`}
</svg>`;

function Tools({ smooth, log, zoomed, run }) {
  const toggle = (axis) => state.replace({ log: log.includes(axis) ? log.filter((name) => name !== axis).join() : [...log, axis].join() });
  const zoomIn = () => {
    const [from, to] = state.get("zoom") ? state.get("zoom").split("-").map(Number) : [0, run.end];
    const quarter = (to - from) / 4;
    const middle = Math.min(Math.max(player.at, from + quarter), to - quarter);
    state.replace({ zoom: `${Math.round(middle - quarter)}-${Math.round(middle + quarter)}` });
  };
  return html`<div class="tools">
    <label class="smooth">${t("losses.smooth")}<input type="range" min="0" max="100" value=${smooth} onInput=${(e) => state.replace({ smooth: e.target.value })} /></label>
    <button type="button" class="chip" aria-pressed=${log.includes("x")} onClick=${() => toggle("x")}>${t("losses.logx")}</button>
    ${equilibria(run).every((loss) => loss > 0) && html`<button type="button" class="chip" aria-pressed=${log.includes("y")} onClick=${() => toggle("y")}>${t("losses.logy")}</button>`}
    <button type="button" class="chip" onClick=${zoomIn} title=${t("losses.zoom.hint")}>${t("losses.zoom")}</button>
    ${zoomed && html`<button type="button" class="chip" onClick=${() => state.replace({ zoom: "" })}>${t("losses.whole")}</button>`}
  </div>`;
}

/** Moving average over `reach` points to either side, fewer at the ends. */
export function smoothed(values, reach) {
  if (!reach) return values;
  const sums = new Float64Array(values.length + 1);
  for (let k = 0; k < values.length; k++) sums[k + 1] = sums[k] + values[k];
  const means = new Float64Array(values.length);
  for (let k = 0; k < values.length; k++) {
    const from = Math.max(k - reach, 0);
    const to = Math.min(k + reach + 1, values.length);
    means[k] = (sums[to] - sums[from]) / (to - from);
  }
  return means;
}

/** Columns from `first` to `last`; long ones are reduced to the minimum and maximum of each bucket. */
export function thinned(iterations, columns, first, last, most = MAX_DRAWN) {
  const count = last - first;
  const size = Math.ceil((2 * count) / most);
  if (size <= 2) return [iterations.slice(first, last), ...columns.map((values) => values.slice(first, last))];
  const buckets = Math.ceil(count / size);
  const x = new Float64Array(2 * buckets);
  const out = columns.map(() => new Float64Array(2 * buckets));
  for (let b = 0; b < buckets; b++) {
    const from = first + b * size;
    const to = Math.min(from + size, last);
    x[2 * b] = iterations[from];
    x[2 * b + 1] = to - 1 > from ? iterations[to - 1] : iterations[from] + 1e-3;
    columns.forEach((values, c) => {
      let low = from;
      let high = from;
      for (let k = from; k < to; k++) {
        if (values[k] < values[low]) low = k;
        if (values[k] > values[high]) high = k;
      }
      out[c][2 * b] = values[Math.min(low, high)];
      out[c][2 * b + 1] = values[Math.max(low, high)];
    });
  }
  return [x, ...out];
}
