// Compare view: a live table of all trainings, and an overlay of the selected ones.

import { JobList } from "../joblist.js";
import { ENDED } from "../run.js";
import { selection } from "../selection.js";
import { session, showError } from "../session.js";
import { state } from "../state.js";
import { loadPreference, savePreference } from "../theme.js";
import { trash } from "../trash.js";
import { classes, Component, html, lazy } from "../ui.js";
import { t, whole } from "../words.js";
import { COLUMNS, NEWEST_FIRST, RunTable } from "./runtable.js";

const Overlay = lazy(() => import("./overlay.js"));
const Edit = lazy(() => import("./edit.js"));
const SEARCH_MS = 200; // after the last key
const HIDDEN = ["status", "discriminator_real_loss", "discriminator_fake_loss", "generator_learning_rate"].join(); // until they are chosen
const STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];

export class Compare extends Component {
  state = { charting: state.get("jobs") !== "" }; // on narrow screens: the chart instead of the list
  list = new JobList(() => selection.update(this.list), showError);

  componentDidMount() {
    selection.changed = () => this.setState({});
    this.stops = [
      state.listen(() => this.follow()),
      session.listen(() => session.jobs !== this.jobs && ((this.jobs = session.jobs), this.list.refresh())),
    ];
    this.follow();
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
    selection.changed = () => {};
    this.list.stop();
    clearTimeout(this.timer);
  }

  /** Follow the address: its query and its selected jobs. */
  follow() {
    const [q, status] = [state.get("q").slice(0, 200), state.get("status")];
    const query = new URLSearchParams({ kind: "train", sort: this.sort, ...(q && { q }), ...(STATUSES.includes(status) && { status }) }).toString();
    if (query !== this.list.query) selection.takesAll = false;
    this.list.open(query);
    selection.follow();
  }

  get sort() {
    const key = state.get("sort").replace("-", "");
    return key in COLUMNS || key === "name" ? state.get("sort") : NEWEST_FIRST;
  }

  get columns() {
    const hidden = (state.get("hidden", null) ?? loadPreference("hidden columns") ?? HIDDEN).split(",");
    return Object.keys(COLUMNS).filter((name) => !hidden.includes(name));
  }

  remove(jobs) {
    const ended = jobs.filter((job) => ENDED.has(job.status));
    if (ended.length) trash.put(ended);
    if (ended.length < jobs.length) showError(new Error(t("compare.left", { count: whole(jobs.length - ended.length) })));
  }

  render(_, { charting, edited }) {
    const { list } = this;
    const isFiltered = Boolean(state.get("q") || state.get("status"));
    const isLoading = !list.isLoaded || list.hasMore;
    const edit = (jobs) => this.setState({ edited: jobs });
    return html`<div class=${classes("compare", selection.ids.length > 0 && (charting ? "choosing charting" : "choosing"))}>
      <div class="page-head"><h1>${t("view.runs")}</h1><p class="quiet">${t("compare.lede")}</p></div>
      <section class="card table-card" aria-label=${t("view.runs")}>
        ${this.toolbar()}
        ${this.bar(isFiltered, charting, edit)}
        <${RunTable} list=${list} columns=${this.columns} sort=${this.sort} edit=${edit} empty=${t(isLoading ? "compare.loading" : isFiltered ? "compare.nothing" : "compare.empty")} />
      </section>
      <section class="card chart-card" aria-label=${t("overlay.title")}><${Overlay} /></section>
      ${edited && html`<${Edit} jobs=${edited} close=${() => { this.setState({ edited: null }); list.refresh(); }} />`}
    </div>`;
  }

  toolbar() {
    const { columns } = this;
    const search = (event) => {
      const { value } = event.target;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => state.replace({ q: value.trim() }), SEARCH_MS);
    };
    const choose = (name) => {
      const hidden = Object.keys(COLUMNS).filter((one) => columns.includes(one) === (one === name)).join();
      savePreference("hidden columns", hidden);
      state.replace({ hidden: hidden === HIDDEN ? "" : hidden || "none" });
    };
    return html`<div class="table-tools">
      <label class="search"><span class="unseen">${t("compare.search")}</span><input type="search" maxlength="200" value=${state.get("q")} placeholder=${t("compare.search.hint")} onInput=${search} /></label>
      <label><span class="unseen">${t("compare.status")}</span><select onChange=${(event) => state.replace({ status: event.target.value })}>
        ${["", ...STATUSES].map((name) => html`<option value=${name} selected=${name === state.get("status")}>${t(name ? `status.${name}` : "compare.all")}</option>`)}</select></label>
      <label class="narrow-sort"><span class="unseen">${t("compare.sort")}</span><select onChange=${(event) => state.replace({ sort: event.target.value })}>
        ${["name", ...Object.keys(COLUMNS)].flatMap((name) => ["", "-"].map((sign) => html`<option value=${sign + name} selected=${this.sort === sign + name}>${t(`compare.${name}`)} ${sign ? "↓" : "↑"}</option>`))}</select></label>
      <button type="button" class="secondary small columns-button" popovertarget="columns">${t("compare.columns")}</button>
      <div id="columns" class="menu" popover role="group" aria-label=${t("compare.columns")}>${Object.keys(COLUMNS).map((name) => html`<label><input type="checkbox" checked=${columns.includes(name)} onChange=${() => choose(name)} /> ${t(`compare.${name}`)}</label>`)}</div>
    </div>`;
  }

  /** The number of runs, or what can be done with the selected ones. */
  bar(isFiltered, charting, edit) {
    const { rows, hasMore, isLoaded } = this.list;
    const { ids, jobs, takesAll } = selection;
    const hidden = isFiltered && !hasMore ? ids.length - rows.filter((job) => selection.has(job.id)).length : 0;
    const isLoading = takesAll || jobs.length < ids.length;
    const says = ids.length ? t(hidden ? "compare.hidden" : "compare.selected", { count: whole(ids.length), hidden: whole(hidden) }) : isLoaded && t(hasMore ? "compare.more" : "compare.count", { count: whole(rows.length) });
    return html`<div class="selection"><p role="status">${says}${takesAll && " …"}</p>
      ${ids.length > 0 && html`<button type="button" class="plain" aria-label=${t("compare.unselect")} title=${t("compare.unselect")} onClick=${() => selection.drop(ids)}>×</button>
        <button type="button" class="plain chart-button" onClick=${() => this.setState({ charting: !charting })}>${t(charting ? "compare.list" : "compare.chart")}</button>
        <button type="button" class="plain" disabled=${isLoading} onClick=${() => edit(jobs)}>${t(ids.length > 1 ? "act.tag" : "compare.edit")}</button>
        <button type="button" class="plain" disabled=${isLoading} onClick=${() => this.remove(jobs)}>${t("act.delete")}</button>`}</div>`;
  }
}
