// Sweep view: the plan, the sweeps so far, and the map of one of them, which fills while it runs.

import { api } from "../api.js";
import { fieldName, settingName, sweepName, sweepSettings, valueName } from "../labels.js";
import { readPlan } from "../plan.js";
import { ENDED } from "../run.js";
import { runAction, session, showError } from "../session.js";
import { state } from "../state.js";
import { trash } from "../trash.js";
import { classes, Component, html, reveal } from "../ui.js";
import { ago, t, whole } from "../words.js";
import { Planner } from "./planner.js";
import { Status } from "./runhead.js";

const POLL_MS = 400;
const LISTED = 12; // sweeps, and as many with each "more"
const MAX_PREVIEW = 400; // cells
const TRAINING = new Set(["queued", "running"]);

let opened = ""; // by the user, and still to be shown
let hasScheduler = true; // until the service says that it has none

/** Load the status of the Dask cluster; null if the service has no scheduler, which is asked for only once. */
async function loadCluster() {
  const cluster = hasScheduler ? await api.cluster() : null;
  hasScheduler = Boolean(cluster?.scheduler);
  return hasScheduler ? cluster : null;
}

export default class Sweep extends Component {
  listed = LISTED;

  componentDidMount() {
    this.poll();
    this.stops = [state.listen(() => this.poll()), session.listen(() => this.list())];
    this.list();
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
    this.sweepId = null;
    clearTimeout(this.timer);
  }

  /** Load the newest sweeps again whenever the list of jobs has been loaded again. */
  async list(force = false) {
    if (!force && session.jobs === this.listedWith) return;
    this.listedWith = session.jobs;
    try {
      const { data, next } = await api.jobs(`kind=sweep&limit=${this.listed}`);
      this.setState({ sweeps: data.filter((job) => !trash.has(job.id)), more: next });
    } catch (error) {
      showError(error);
    }
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
      const [job, results, { HeatMap }] = await Promise.all([api.job(id), api.sweepResults(id), import("./heatmap.js")]);
      const cluster = TRAINING.has(job.status) ? await loadCluster() : null;
      if (id !== this.sweepId) return;
      this.setState({ job, cells: results.data, cluster, HeatMap }, () => {
        if (id === opened) reveal(".shown");
        opened = "";
      });
      if (!ENDED.has(job.status)) this.timer = setTimeout(() => this.load(id), POLL_MS);
    } catch (error) {
      if (id !== this.sweepId) return;
      showError(error);
      if (!error.status) this.timer = setTimeout(() => this.load(id), 5 * POLL_MS);
    }
  }

  async start(event) {
    event.preventDefault();
    const plan = readPlan();
    if (!plan.isValid) return;
    this.setState({ busy: true });
    const view = state.viewKey();
    await runAction(async () => {
      const job = await api.sweep(plan.body);
      if (state.viewKey() === view) open(job.id);
    });
    this.setState({ busy: false });
  }

  render(_, { job, cells, cluster, HeatMap, busy, sweeps, more }) {
    const plan = readPlan();
    const older = () => {
      this.listed += LISTED;
      this.list(true);
    };
    return html`<div class="sweep">
      <div class="page-head"><h1>${t("view.sweep")}</h1><p class="quiet">${t("sweep.lede")}</p></div>
      <div class="sweep-columns">
        <${Planner} plan=${plan} busy=${busy} start=${(event) => this.start(event)} />
        <div class=${classes("card shown", state.get("sweep") && "open")}>${job && cells ? html`<${HeatMap} job=${job} cells=${cells} cluster=${cluster} />` : !state.get("sweep") && html`<${Preview} plan=${plan} />`}</div>
        ${sweeps?.length > 0 && html`<${Earlier} sweeps=${sweeps} more=${more} older=${older} />`}
      </div></div>`;
  }
}

function open(id) {
  if (id === state.get("sweep")) return reveal(".shown");
  opened = id;
  state.push({ sweep: id, cell: "", across: "", down: "", pick: "" });
}

/** The sweeps so far: name, status, date and settings. */
function Earlier({ sweeps, more, older }) {
  const choose = (id) => (event) => {
    event.preventDefault();
    open(id);
  };
  return html`<nav class="card earlier" aria-label=${t("sweep.earlier")}><h2>${t("sweep.earlier")}</h2><ul>${sweeps.map((job) => html`<li>
    <a href=${`?view=sweep&sweep=${job.id}`} aria-current=${job.id === state.get("sweep") ? "true" : undefined} onClick=${choose(job.id)}>${sweepName(job)}</a> <${Status} job=${job} />
    <p class="caption"><time datetime=${job.created_at} title=${new Date(job.created_at).toLocaleString()}>${ago(job.created_at)}</time> · ${sweepSettings(job)}</p></li>`)}</ul>
    ${more && html`<button type="button" class="secondary small" onClick=${older}>${t("sweep.older")}</button>`}</nav>`;
}

/** The empty map of the planned sweep, with a panel for each value of a third setting. */
function Preview({ plan }) {
  const [columns, rows, panels] = plan.grid.length === 1 ? [null, plan.grid[0]] : plan.grid;
  const size = (columns?.values.length ?? 1) * (rows?.values.length ?? 1);
  const drawn = plan.isValid && rows && size <= MAX_PREVIEW ? (panels?.values ?? [null]).slice(0, Math.floor(MAX_PREVIEW / size)) : [];
  const rest = panels && panels.values.length - drawn.length;
  return html`<div class="map"><p class="quiet">${t("sweep.none")}</p><div class=${classes("panels", panels && "several")} aria-hidden="true">${drawn.map((panel) => html`<div class="panel">${panels && html`<h3>${settingName(panels.name, panel)}</h3>`}<div class="scroll"><table class=${classes("heat compact", !columns && "single")} style=${{ "--columns": columns?.values.length ?? 1 }}>
    <thead><tr class="axis-name"><td>${fieldName(rows.name)} ↓</td>${columns && html`<td colspan=${columns.values.length}>${fieldName(columns.name)} →</td>`}</tr>${columns && html`<tr><td></td>${columns.values.map((x) => html`<th>${valueName(x)}</th>`)}</tr>`}</thead>
    <tbody>${rows.values.map((y) => html`<tr><th>${valueName(y)}</th>${(columns?.values ?? [0]).map(() => html`<td><span class="heat-cell waiting" /></td>`)}</tr>`)}</tbody></table></div></div>`)}</div>
    ${drawn.length > 0 && rest > 0 && html`<p class="caption">${t("sweep.panels.more", { count: whole(rest) })}</p>`}
    <p class="caption">${t("sweep.count", { count: whole(plan.members), cells: whole(plan.cells) })}</p></div>`;
}
