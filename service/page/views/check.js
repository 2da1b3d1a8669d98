// Check of a run: the same settings trained by the other backend, followed live, and the differences of the losses.

import { api, ProblemError, UnreachableError } from "../api.js";
import { Lines } from "../charts/lines.js";
import { curveName, DEFAULT_SMOOTHING, equilibria, Mark, MAX_SMOOTHING, names, smoothed, thinned } from "../charts/losses.js";
import { ENDED, Run } from "../run.js";
import { notify, refreshJobs, showError } from "../session.js";
import { state } from "../state.js";
import uPlot from "../charts/uplot.js";
import { classes, Component, html } from "../ui.js";
import { gap, scientific, span, t, whole } from "../words.js";
import { Actions } from "./actions.js";
import { runName, Status } from "./runhead.js";

const ALLOWED = 1e-4;
const FLOOR = 1e-9; // where equal losses are drawn: a logarithmic axis has no zero
const ADAM_ITERATIONS = 1000; // Adam amplifies rounding, so later losses do not count
const BUCKETS = 100; // along the line of differences
const MAX_NAME = 100;
const FOLLOW_MS = 250; // between two requests
const NOT_COMPARED = new Set(["backend", "name", "preset", "defaults"]);

const backendOf = (job) => job.config.backend ?? "compiled";
const otherBackend = (job) => (backendOf(job) === "pytorch" ? "compiled" : "pytorch");
const seconds = ({ job }) => (job.iterations_per_second ? job.iteration / job.iterations_per_second : NaN);
const isOther = (job, other) =>
  backendOf(job) !== backendOf(other) && Object.keys(job.config).every((name) => NOT_COMPARED.has(name) || job.config[name] === other.config[name]);

/** Train a finished run with the other backend, or find the earlier training, and name it in the address. */
export async function startCheck({ job }) {
  const backend = otherBackend(job);
  const name = `${runName(job).slice(0, MAX_NAME - 11)} · ${backend === "pytorch" ? "PyTorch" : backend}`;
  const body = { ...job.config, backend, name };
  try {
    const earlier = await api.train(body, 0, `check-${job.id}`).catch((error) => {
      if (error instanceof ProblemError && error.status === 422) return null; // the key belongs to another body
      throw error;
    });
    const other = earlier && !["failed", "cancelled"].includes(earlier.status) ? earlier : await api.train(body);
    state.replace({ check: other.id });
    refreshJobs();
  } catch (error) {
    showError(error);
  }
}

/** The check that the address names, if it is one of this run. */
export default class Check extends Component {
  componentDidMount() {
    this.open();
    this.stopListening = state.listen(() => this.open());
  }

  componentDidUpdate() {
    this.open();
    if (this.other && !isOther(this.props.run.job, this.other.job)) state.replace({ check: "" }); // another run was opened
  }

  componentWillUnmount() {
    this.stopListening();
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.other = null;
  }

  /** Open the run that the address names. */
  open() {
    const id = state.get("check");
    if (id === this.id) return;
    this.id = id;
    this.close();
    if (id) this.follow(id);
    else notify();
  }

  /** Load what is new of the other run, its losses and at the end its weights; repeat until it has ended. */
  async follow(id) {
    try {
      const job = await api.job(id);
      const other = this.other ?? new Run(job);
      await other.loadPoints();
      if (ENDED.has(job.status)) await other.loadSnapshots();
      if (this.id !== id) return;
      other.job = job;
      this.other = other;
    } catch (error) {
      showError(error);
      if (!(error instanceof UnreachableError)) return state.replace({ check: "" });
    }
    if (!this.other?.ended) this.timer = setTimeout(() => this.follow(id), FOLLOW_MS);
    notify();
  }

  /** Both runs' losses for the charts, and the largest difference so far; cached until there are new points. */
  compared(run) {
    const { other } = this;
    const smooth = Math.min(Math.max(state.number("smooth", DEFAULT_SMOOTHING), 0), 100);
    const key = [run.job.id, run.version, other.job.id, other.version, other.ended, smooth].join();
    if (key === this.key) return this.cached;
    this.key = key;
    const [band, line] = backendOf(run.job) === "compiled" ? [run, other] : [other, run];
    const reach = Math.round((smooth / 100) * MAX_SMOOTHING * run.points.iteration.length * 0.5);
    const tables = [band, line].map((side) => {
      const length = side.points.iteration.length - (side.ended ? 0 : reach); // later means lack points to come
      if (length < 1) return [[], ...names(run).map(() => [])];
      const means = names(run).map((name) => smoothed(side.points[name].values, reach));
      return thinned(side.points.iteration.values, means, 0, length).map((column) => Array.from(column));
    });
    const { iterations, gaps } = differences(run, other);
    const limit = run.config.optimizer === "adam" ? ADAM_ITERATIONS : Infinity;
    this.cached = {
      losses: uPlot.join(tables),
      gaps: highest(iterations, gaps),
      most: largest(gaps),
      counted: largest(gaps.filter((_, place) => iterations[place] <= limit)),
      weights: run.hasWeights && other.hasWeights ? Math.max(farthest(run.discriminators, other.discriminators), farthest(run.generators ?? [], other.generators ?? [])) : null,
    };
    return this.cached;
  }

  render({ run }) {
    const { other } = this;
    if (!other || !isOther(run.job, other.job)) return null;
    const data = this.compared(run);
    const curves = [
      ...names(run).map((name) => ({ label: `band ${name}`, colour: (colours) => colours[name], width: 8, alpha: 0.32 })),
      ...names(run).map((name) => ({ label: `line ${name}`, colour: (colours) => colours[name], width: 1.75 })),
    ];
    const top = Math.max(1e-3, 2 * data.most);
    return html`<section class="card check" aria-label=${t("check.title")}>
      <div class="row check-head"><h2>${t("check.title")}</h2><${Status} job=${other.job} />
        <span class="actions">${!other.ended && html`<${Actions} job=${other.job} name=${runName(other.job)} />`}<button type="button" class="plain" onClick=${() => state.replace({ check: "" })}>${t("close")}</button></span></div>
      <p class="quiet">${t("check.lede")}</p>
      <${Verdict} run=${run} other=${other} data=${data} />
      <div class="check-charts">
        <figure class="picture"><figcaption class="picture-title"><h3>${t("check.losses")}</h3></figcaption>
          <${Lines} data=${data.losses} curves=${curves} from=${0} to=${run.config.iterations} equilibrium=${equilibria(run)} label=${t("check.losses")} still />
          <ul class="legend"><li><${Stroke} wide />${t("choice.compiled")}</li><li><${Stroke} />PyTorch</li>
            ${names(run).map((name) => html`<li class=${name}><${Mark} kind=${name} />${curveName(run, name)}</li>`)}</ul></figure>
        <figure class="picture"><figcaption class="picture-title"><h3>${t("check.gap")}</h3></figcaption>
          <${Lines} data=${data.gaps} from=${0} to=${run.config.iterations} curves=${[{ label: "gap", colour: (colours) => colours.accent, width: 2, fill: true }]} equilibrium=${ALLOWED} levelLabel=${t("check.allowed", { most: scientific(ALLOWED) })}
            logY range=${[FLOOR, top]} tick=${scientific} label=${t("check.gap")} still />
          <p class="caption">${t("check.caption", { floor: scientific(FLOOR) })}</p></figure>
      </div></section>`;
  }
}

/** The result of the check in a sentence. */
function Verdict({ run, other, data }) {
  const [compiled, pytorch] = backendOf(run.job) === "compiled" ? [run, other] : [other, run];
  const most = scientific(data.counted);
  if (other.job.error || other.job.status === "cancelled") return html`<p class="row">${other.job.error?.detail ?? t("outcome.cancelled")} <button type="button" class="secondary small" onClick=${() => startCheck(run)}>${t("check.again")}</button></p>`;
  if (!other.ended) return html`<p class="seen" role="status">${t(data.gaps[0].length ? "check.sofar" : "check.waiting", { at: whole(other.job.iteration), end: whole(other.job.iterations), most: scientific(data.most) })}</p>`;
  const agrees = data.counted <= ALLOWED;
  const times = { fast: span(seconds(compiled)), slow: span(seconds(pytorch)), ratio: whole(seconds(pytorch) / seconds(compiled)) };
  return html`<p class=${classes("seen", !agrees && "outcome bad")} role="status"><b>${t(agrees ? "check.agrees" : "check.differs", { most, allowed: scientific(ALLOWED) })}</b>
    ${gap()}${data.weights !== null && t("check.weights", { most: scientific(data.weights) })}${gap()}${t("check.times", times)}
    ${run.config.optimizer === "adam" && run.config.iterations > ADAM_ITERATIONS && html`${gap()}<span class="quiet">${t("check.adam", { count: whole(ADAM_ITERATIONS), most: scientific(data.most) })}</span>`}</p>`;
}

const Stroke = ({ wide }) => html`<svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true"><line x1="0" x2="26" y1="6" y2="6" class=${classes("run-ink", wide && "band")} /></svg>`;

const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
const farthest = (a, b) => a.reduce((most, value, place) => Math.max(most, Math.abs(value - b[place])), 0);

/** The largest difference of any loss at each iteration that both runs have recorded. */
function differences(run, other) {
  const [a, b] = [run.points, other.points];
  const iterations = [];
  const gaps = [];
  for (let i = 0, k = 0; i < a.iteration.length && k < b.iteration.length; ) {
    const step = a.iteration.buffer[i] - b.iteration.buffer[k];
    if (step === 0) {
      iterations.push(a.iteration.buffer[i]);
      gaps.push(Math.max(...names(run).map((name) => Math.abs(Math.fround(a[name].buffer[i]) - Math.fround(b[name].buffer[k])))));
    }
    if (step <= 0) i++;
    if (step >= 0) k++;
  }
  return { iterations, gaps };
}

/** Columns of the chart: the highest of each bucket, at least the floor. */
function highest(iterations, gaps) {
  const size = Math.ceil(gaps.length / BUCKETS) || 1;
  const columns = [[], []];
  for (let from = 0; from < gaps.length; from += size) {
    columns[0].push(iterations[Math.min(from + size, gaps.length) - 1]);
    columns[1].push(Math.max(FLOOR, ...gaps.slice(from, from + size)));
  }
  return columns;
}
