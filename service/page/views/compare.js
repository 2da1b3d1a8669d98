// Compare view: a table of all runs, and an overlay of the chosen ones.

import { api, UnreachableError } from "../api.js";
import { olderJobs, showError, refreshJobs, session, notify } from "../session.js";
import { ENDED, Run } from "../run.js";
import { state } from "../state.js";
import { Component, html } from "../ui.js";
import { ago, t, whole } from "../words.js";
import { Actions } from "./actions.js";
import { Overlay } from "./overlay.js";
import { Bits } from "./parts.js";
import { runName, Status } from "./runhead.js";
import { Swatch } from "./swatch.js";

const MAX_COMPARED = 8;

export class Compare extends Component {
  runs = new Map();
  fetching = new Set();

  componentDidMount() {
    refreshJobs();
    this.fetch();
    this.stops = [state.listen(() => this.fetch()), session.listen(() => this.fetch())];
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
  }

  /** Whether the losses of a run are loaded and up to date with the list of jobs. */
  isCurrent(id) {
    const run = this.runs.get(id);
    const job = session.jobs?.find((one) => one.id === id);
    return run && (run.ended || !job || (!ENDED.has(job.status) && job.iteration <= run.job.iteration));
  }

  /** Load the losses of the chosen runs. */
  async fetch() {
    for (const id of state.list("jobs")) {
      if (this.isCurrent(id) || this.fetching.has(id)) continue;
      this.fetching.add(id);
      try {
        const run = new Run(await api.job(id));
        await run.loadPoints();
        this.runs.set(id, run);
      } catch (error) {
        if (error instanceof UnreachableError) continue; // the list is refreshed when the service is reachable again
        this.runs.delete(id);
        state.replace({ jobs: state.list("jobs").filter((one) => one !== id).join() });
        showError(error);
      } finally {
        this.fetching.delete(id);
      }
      notify();
    }
  }

  render() {
    const { jobs } = session;
    const chosen = state.list("jobs");
    const runs = chosen.map((id) => this.runs.get(id)).filter(Boolean);
    const trainings = jobs?.filter((job) => job.kind === "train") ?? [];
    return html`<div class="compare">
      <div class="page-head"><h1>${t("view.runs")}</h1><p class="quiet">${t("compare.lede")}</p></div>
      ${runs.length > 0 && html`<div class="card"><${Overlay} runs=${runs} place=${(run) => chosen.indexOf(run.job.id)} /></div>`}
      ${jobs && !trainings.length && html`<p class="card empty">${t("compare.empty")}</p>`}
      ${trainings.length > 0 && html`<div class="card table-card"><table class="runs">
        <caption class="unseen">${t("view.runs")}</caption>
        <thead><tr><th scope="col"><span class="unseen">${t("compare.tick")}</span></th><th scope="col">${t("compare.name")}</th><th scope="col">${t("compare.status")}</th><th scope="col">${t("compare.bits")}</th>
          <th scope="col" class="number">${t("compare.settled")}</th><th scope="col" class="number">${t("compare.iterations")}</th><th scope="col">${t("compare.created")}</th><th scope="col"><span class="unseen">${t("compare.actions")}</span></th></tr></thead>
        <tbody>${trainings.map((job) => html`<${Row} key=${job.id} job=${job} chosen=${chosen} forget=${() => this.runs.delete(job.id)} />`)}</tbody></table></div>`}
      ${session.more && html`<button type="button" class="secondary" onClick=${olderJobs}>${t("compare.older")}</button>`}
    </div>`;
  }
}

function Row({ job, chosen, forget }) {
  const place = chosen.indexOf(job.id);
  const name = runName(job);
  const tick = () => {
    const next = place >= 0 ? chosen.filter((id) => id !== job.id) : [...chosen, job.id].slice(-MAX_COMPARED);
    state.replace({ jobs: next.join() });
  };
  const open = (event) => {
    event.preventDefault();
    state.push({ view: "lab", job: job.id, at: "" });
  };
  const { result } = job;
  return html`<tr class=${place >= 0 ? "chosen" : ""}>
    <td><label class="tick"><input type="checkbox" checked=${place >= 0} onChange=${tick} aria-label=${t("compare.overlay", { name })} />
      ${place >= 0 && html`<${Swatch} place=${place} />`}</label></td>
    <td class="run-name"><a href=${`?view=lab&job=${job.id}`} onClick=${open}>${name}</a><span class="quiet">${t("compare.seed", { seed: job.config.seed })}</span></td>
    <td><${Status} job=${job} /></td>
    <td>${result?.bits ? html`<${Bits} bits=${result.bits} right=${result.in_range} />` : "–"}</td>
    <td class="number">${result?.settled_at ? whole(result.settled_at) : "–"}</td>
    <td class="number">${whole(job.iterations)}</td>
    <td class="quiet">${ago(job.created_at)}</td>
    <td class="actions"><${Actions} job=${job} name=${name} forget=${forget} /></td>
  </tr>`;
}
