// Sweep view: a form for the grid, and a heat map that fills during the sweep.

import { api } from "../api.js";
import { runAction, showError, session } from "../session.js";
import { ENDED } from "../run.js";
import { FIELDS, validationError } from "../settings.js";
import { state } from "../state.js";
import { classes, Component, html } from "../ui.js";
import { t, whole } from "../words.js";
import { HeatMap } from "./heatmap.js";
import { Status, sweepName } from "./runhead.js";

const POLL_MS = 400;
const MAX_MEMBERS = 1_000_000;
const TRAINING = new Set(["queued", "running"]);
const DEFAULTS = { sx: "learning_rate", xs: "0.003,0.01,0.03,0.1", sy: "hidden_size", ys: "2,3,5,8", seeds: "100" };
const AXES = ["learning_rate", "hidden_size", "generator_learning_rate", "loss", "optimizer", "latent", "spread", "latent_value", "iterations", "pattern"];

const parameter = (name) => state.get(name, DEFAULTS[name]);
const values = (field, text) => text.split(",").map((part) => part.trim()).filter(Boolean).map((part) => (FIELDS[field].kind === "number" ? Number(part) : part));

let hasScheduler = true; // until the service says that it has none

/** Load the status of the Dask cluster; null if the service has no scheduler, which is asked for only once. */
async function loadCluster() {
  const cluster = hasScheduler ? await api.cluster() : null;
  hasScheduler = Boolean(cluster?.scheduler);
  return hasScheduler ? cluster : null;
}

export class Sweep extends Component {
  componentDidMount() {
    this.poll();
    this.stop = state.listen(() => this.poll());
  }

  componentWillUnmount() {
    this.stop();
    this.sweepId = null;
    clearTimeout(this.timer);
  }

  /** Poll the results of the sweep in the address until it has ended. */
  async poll() {
    const id = state.get("sweep");
    if (id === this.sweepId) return;
    clearTimeout(this.timer);
    this.sweepId = id;
    this.setState({ job: null, cells: null });
    if (id) this.load(id);
  }

  async load(id) {
    try {
      const [job, results] = await Promise.all([api.job(id), api.sweepResults(id)]);
      const cluster = TRAINING.has(job.status) ? await loadCluster() : null;
      if (id !== this.sweepId) return;
      this.setState({ job, cells: results.data, cluster });
      if (!ENDED.has(job.status)) this.timer = setTimeout(() => this.load(id), POLL_MS);
    } catch (error) {
      if (id !== this.sweepId) return;
      showError(error);
      if (!error.status) this.timer = setTimeout(() => this.load(id), 5 * POLL_MS);
    }
  }

  async start(event) {
    event.preventDefault();
    this.setState({ busy: true });
    const grid = { [parameter("sx")]: values(parameter("sx"), parameter("xs")), [parameter("sy")]: values(parameter("sy"), parameter("ys")) };
    const view = state.viewKey();
    await runAction(async () => {
      const job = await api.sweep({ grid, seeds: Number(parameter("seeds")) });
      if (state.viewKey() === view) state.push({ sweep: job.id, cell: "" });
    });
    this.setState({ busy: false });
  }

  render(_, { job, cells, cluster, busy }) {
    const sweeps = session.jobs?.filter((one) => one.kind === "sweep") ?? [];
    return html`<div class="sweep">
      <div class="page-head"><h1>${t("view.sweep")}</h1><p class="quiet">${t("sweep.lede")}</p></div>
      <div class="sweep-columns">
        <div><${Plan} busy=${busy} start=${(event) => this.start(event)} />
        ${sweeps.length > 0 && html`<nav class="card earlier" aria-label=${t("sweep.earlier")}><h2>${t("sweep.earlier")}</h2><ul>${sweeps.slice(0, 8).map((one) => html`<li>
          <a href=${`?view=sweep&sweep=${one.id}`} aria-current=${one.id === state.get("sweep") ? "true" : undefined} onClick=${(event) => { event.preventDefault(); state.push({ sweep: one.id, cell: "" }); }}>${sweepName(one)}</a> <${Status} job=${one} /></li>`)}</ul></nav>`}</div>
        <div class="card">${job && cells ? html`<${HeatMap} job=${job} cells=${cells} cluster=${cluster} />` : html`<${Preview} />`}</div>
      </div></div>`;
  }
}

/** The empty map of the planned grid. */
function Preview() {
  const [columns, rows] = [values(parameter("sx"), parameter("xs")), values(parameter("sy"), parameter("ys"))];
  return html`<div class="map"><p class="quiet">${t("sweep.none")}</p><div class="scroll" aria-hidden="true"><table class="heat">
    <thead><tr><td></td>${columns.map((x) => html`<th>${x}</th>`)}</tr></thead>
    <tbody>${rows.map((y) => html`<tr><th>${y}</th>${columns.map(() => html`<td><span class="heat-cell waiting" /></td>`)}</tr>`)}</tbody></table></div></div>`;
}

/** Form for two settings, their values, and the number of seeds per combination. */
function Plan({ busy, start }) {
  const wrong = { xs: wrongValues("sx", "xs"), ys: wrongValues("sy", "ys"), seeds: /^[1-9]\d{0,6}$/.test(parameter("seeds")) ? "" : t("wrong.seeds") };
  const members = values(parameter("sx"), parameter("xs")).length * values(parameter("sy"), parameter("ys")).length * Number(parameter("seeds"));
  const same = parameter("sx") === parameter("sy");
  const many = members > MAX_MEMBERS;
  const axis = (which, list, label) => html`<fieldset class="axis"><legend>${t(label)}</legend>
    <label><span class="unseen">${t("sweep.setting")}</span><select value=${parameter(which)} onChange=${(event) => state.replace({ [which]: event.target.value, [list]: "" })}>
      ${AXES.map((name) => html`<option value=${name} selected=${name === parameter(which)}>${t(`field.${name}`)}</option>`)}</select></label>
    <label><span class="unseen">${t("sweep.values")}</span><input value=${parameter(list)} aria-invalid=${Boolean(wrong[list])} aria-describedby=${wrong[list] ? `${list}-wrong` : undefined} onInput=${(event) => state.replace({ [list]: event.target.value })} /></label>
    ${wrong[list] && html`<p class="mistake" id=${`${list}-wrong`} role="status">${wrong[list]}</p>`}</fieldset>`;
  return html`<form class="card plan" onSubmit=${start}>
    <h2>${t("sweep.plan")}</h2>
    ${axis("sx", "xs", "sweep.across")}${axis("sy", "ys", "sweep.down")}
    <div class=${classes("field", wrong.seeds && "wrong")}><label for="seeds">${t("sweep.seeds")}</label><input id="seeds" inputmode="numeric" value=${parameter("seeds")} aria-invalid=${Boolean(wrong.seeds)} onInput=${(event) => state.replace({ seeds: event.target.value })} />
      ${wrong.seeds && html`<p class="mistake" role="status">${wrong.seeds}</p>`}</div>
    <p class="members" role="status">${same ? t("sweep.same") : many ? t("sweep.many", { most: whole(MAX_MEMBERS) }) : Number.isFinite(members) ? t("sweep.count", { count: whole(members) }) : ""}</p>
    <button class="primary" disabled=${busy || same || many || Object.values(wrong).some(Boolean)}>${t("sweep.go")}</button>
  </form>`;
}

function wrongValues(which, list) {
  const field = parameter(which);
  const parts = parameter(list).split(",").map((part) => part.trim()).filter(Boolean);
  if (!parts.length) return t("wrong.empty");
  if (new Set(parts).size < parts.length) return t("wrong.twice");
  return parts.map((part) => validationError(field, part)).find(Boolean) ?? "";
}
