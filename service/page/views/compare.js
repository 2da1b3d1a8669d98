// Compare view: a live table of all trainings, of which only the visible rows are drawn, and an overlay of the selected ones.

import { api, UnreachableError } from "../api.js";
import { JobList } from "../joblist.js";
import { ENDED, Run } from "../run.js";
import { runAction, session, showError } from "../session.js";
import { describe, FIELDS } from "../settings.js";
import { state } from "../state.js";
import { loadPreference, savePreference } from "../theme.js";
import { trash } from "../trash.js";
import { classes, Component, createRef, html, lazy, markCut } from "../ui.js";
import { ago, displayed, fine, short, t, whole, words } from "../words.js";
import { Actions } from "./actions.js";
import { Edit } from "./edit.js";
import { Bits, madeOf } from "./parts.js";
import { runName, Status } from "./runhead.js";
import { assignStyles, MAX_STYLES, Swatch } from "./swatch.js";

const Overlay = lazy(() => import("./overlay.js"));
const SPARE = 8; // rows drawn above and below the visible ones
const POINTS = 4000; // of each line
const SEARCH_MS = 200; // after the last key
const narrow = matchMedia("(max-width: 47.99rem)");
const loss = (name) => ({ width: 84, number: true, hint: "overlay.last", cell: ({ result }) => fine(result?.[name] ?? NaN, 3) });
const setting = (name, width, show = displayed) => ({ width, number: FIELDS[name].kind === "number", cell: ({ config }) => html`<span class=${String(config[name]) === String(FIELDS[name].default ?? config.learning_rate) ? "quiet" : "differs"}>${show(config[name])}</span>` });
function bits(job) {
  const made = madeOf(job);
  return /^[01]{1,6}$/.test(made) ? html`<${Bits} bits=${made} right=${job.result.in_range} />` : html`<span class="long">${made}</span>`;
}
const COLUMNS = {
  bits: { width: 140, cell: (job) => (job.result ? bits(job) : html`<${Status} job=${job} />`) },
  settled_at: { width: 100, number: true, cell: ({ result }) => (result?.settled_at ? whole(result.settled_at) : "–") },
  generator_loss: loss("generator_loss"),
  discriminator_real_loss: loss("discriminator_real_loss"),
  discriminator_fake_loss: loss("discriminator_fake_loss"),
  created_at: { width: 92, cell: (job) => html`<span class="quiet" title=${new Date(job.created_at).toLocaleString()}>${ago(job.created_at)}</span>` },
  learning_rate: setting("learning_rate", 72, short),
  generator_learning_rate: setting("generator_learning_rate", 84, short),
  hidden_size: setting("hidden_size", 80),
  iterations: setting("iterations", 112, whole),
  optimizer: setting("optimizer", 100),
  loss: setting("loss", 125),
  pattern: setting("pattern", 110),
  status: { width: 150, cell: (job) => html`<${Status} job=${job} />` },
};
const HIDDEN = ["status", "discriminator_real_loss", "discriminator_fake_loss", "generator_learning_rate"]; // until they are chosen
const DESCENDING = ["created_at", "settled_at"]; // at the first press
const STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];
const dropped = new Map(); // selected jobs that were deleted, until that is undone
const selected = new Map(); // jobs by id, once they are known; the address has as many as the chart draws
const runs = new Map(); // the loaded runs of the chart

export class Compare extends Component {
  state = { charting: state.get("jobs") !== "" }; // on narrow screens: the chart instead of the list
  scroller = createRef();
  menu = createRef();
  fetching = new Set();
  range = [0, 40];

  componentDidMount() {
    this.list = new JobList(() => this.changed(), showError);
    this.stops = [
      state.listen(() => this.follow()),
      session.listen(() => session.jobs !== this.jobs && ((this.jobs = session.jobs), this.list.refresh())),
    ];
    this.resized = () => this.setState({});
    addEventListener("resize", this.resized);
    this.follow();
  }

  componentDidUpdate() {
    this.see();
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
    removeEventListener("resize", this.resized);
    this.list.stop();
    clearTimeout(this.timer);
  }

  /** Follow the address: its query and its selected jobs. */
  follow() {
    const listed = state.list("jobs");
    if (listed.join() !== [...selected.keys()].slice(0, MAX_STYLES).join()) {
      selected.clear();
      for (const id of listed) selected.set(id, null);
    }
    const query = new URLSearchParams({ kind: "train", sort: this.sort, ...(state.get("q") && { q: state.get("q").slice(0, 200) }), ...(STATUSES.includes(state.get("status")) && { status: state.get("status") }) });
    if (this.list.query && query.toString() !== this.list.query) this.scroller.current.scrollTop = 0;
    this.list.open(query.toString());
    this.fetch();
  }

  changed() {
    const deleted = [...selected].filter(([id]) => trash.has(id));
    for (const [id, job] of deleted) dropped.set(id, job);
    if (deleted.length) this.select(deleted.map(([id]) => id), false);
    const restored = [...dropped].filter(([id]) => !trash.has(id));
    for (const [id, job] of restored) dropped.delete(id), selected.set(id, job);
    if (restored.length) this.select([], true);
    for (const job of this.list.rows) if (selected.has(job.id)) selected.set(job.id, job);
    this.see();
    this.fetch();
    this.setState({});
  }

  get sort() {
    const key = state.get("sort").replace("-", "");
    return key in COLUMNS || key === "name" ? state.get("sort") : "-created_at";
  }

  /** The selected jobs, also those that the search leaves out. */
  get chosen() {
    return [...selected].map(([id, job]) => job ?? runs.get(id)?.job).filter(Boolean);
  }

  get columns() {
    const hidden = (state.get("hidden", null) ?? loadPreference("hidden columns") ?? HIDDEN.join()).split(",");
    return Object.keys(COLUMNS).filter((name) => !hidden.includes(name));
  }

  get isFiltered() {
    return Boolean(state.get("q") || state.get("status"));
  }

  select(ids, on) {
    const jobs = new Map(this.list.rows.map((job) => [job.id, job]));
    for (const id of ids) on ? selected.set(id, jobs.get(id) ?? null) : selected.delete(id);
    state.replace({ jobs: [...selected.keys()].slice(0, MAX_STYLES).join() });
    this.fetch();
    this.setState({});
  }

  /** Load the losses of the selected runs, and the new ones of those that run. */
  fetch() {
    for (const id of [...selected.keys()].slice(0, MAX_STYLES)) {
      const known = runs.get(id);
      const row = this.list.rows.find((job) => job.id === id);
      if (known && row) known.job = { ...known.job, name: row.name };
      const isCurrent = known && (known.ended || (row && row.status === known.job.status && row.iteration <= known.after));
      if (!isCurrent && !this.fetching.has(id)) this.fetchRun(id, known, row);
    }
  }

  async fetchRun(id, known, row) {
    this.fetching.add(id);
    try {
      const run = known ?? new Run(row ?? (await api.job(id)));
      await run.loadPoints(POINTS);
      if (known) run.job = row ?? (await api.job(id));
      runs.set(id, run);
    } catch (error) {
      if (error instanceof UnreachableError) return; // the list is refreshed when the service is reachable again
      runs.delete(id);
      this.select([id], false);
      showError(error);
    } finally {
      this.fetching.delete(id);
    }
    this.setState({});
  }

  /** Note which rows are visible; draw others when they have changed by some rows. */
  see() {
    const box = this.scroller.current;
    if (!box) return;
    markCut(box);
    const height = rowHeight();
    const first = Math.floor(box.scrollTop / height);
    const last = Math.ceil((box.scrollTop + box.clientHeight) / height);
    this.list.show(first, last);
    const from = Math.max(Math.floor(first / SPARE - 1) * SPARE, 0);
    const to = Math.ceil(last / SPARE + 1) * SPARE;
    if (from === this.range[0] && to === this.range[1]) return;
    this.range = [from, to];
    this.setState({});
  }

  tick(job, place, event) {
    const { rows } = this.list;
    const on = event.target.checked;
    const start = event.shiftKey && this.anchor ? rows.findIndex((row) => row.id === this.anchor) : place;
    const [from, to] = start < 0 ? [place, place] : [Math.min(start, place), Math.max(start, place)];
    this.anchor = job.id;
    this.select(rows.slice(from, to + 1).map((row) => row.id), on);
  }

  /** Move the focus to the same control of another row. */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const row = event.target.closest("tr");
    if (!step || !row || !event.target.matches(".tick input")) return;
    event.preventDefault();
    const place = Math.min(Math.max(+row.dataset.place + step, 0), this.list.rows.length - 1);
    const box = this.scroller.current;
    const top = place * rowHeight();
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + 2 * rowHeight() > box.scrollTop + box.clientHeight) box.scrollTop = top + 2 * rowHeight() - box.clientHeight;
    const focus = () => {
      const input = box.querySelector(`[data-place="${place}"] .tick input`);
      input?.focus({ preventScroll: true });
      return input;
    };
    this.see();
    if (!focus()) requestAnimationFrame(focus); // once the row is drawn
  }

  openMenu(job, event) {
    const { bottom, right } = event.currentTarget.getBoundingClientRect();
    const menu = this.menu.current;
    this.setState({ job }, () => {
      menu.showPopover();
      menu.style.left = `${Math.max(Math.min(right, innerWidth - 8) - menu.offsetWidth, 8)}px`;
      menu.style.top = `${Math.max(Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8), 8)}px`;
      menu.querySelector("button").focus();
    });
  }

  edit(jobs) {
    this.editor.open(jobs, async (change) => {
      for (const job of jobs) await api.edit(job.id, change(job));
      this.list.refresh();
    });
  }

  remove() {
    const jobs = this.chosen.filter((job) => ENDED.has(job.status));
    const left = this.chosen.length - jobs.length;
    if (jobs.length) trash.put(jobs);
    if (left) showError(new Error(t("compare.left", { count: whole(left) })));
  }

  render(_, { job, charting }) {
    const rows = this.list?.rows ?? [];
    const chosen = [...selected.keys()].slice(0, MAX_STYLES);
    assignStyles(chosen);
    const drawn = chosen.map((id) => runs.get(id)).filter(Boolean);
    const current = job && (rows.find((row) => row.id === job.id) ?? job);
    return html`<div class=${classes("compare", selected.size > 0 && (charting ? "choosing charting" : "choosing"))}>
      <div class="page-head"><h1>${t("view.runs")}</h1><p class="quiet">${t("compare.lede")}</p></div>
      <section class="card table-card" aria-label=${t("view.runs")}>
        ${this.toolbar()}
        ${this.bar(rows, charting)}
        <div class="rows" ref=${this.scroller} tabindex="-1" onScroll=${() => this.see()} onKeyDown=${(event) => this.move(event)}>
          ${rows.length > 0 ? this.table(rows) : html`<p class="empty">${t(!this.list?.isLoaded ? "compare.loading" : this.isFiltered ? "compare.nothing" : "compare.empty")}</p>`}
        </div>
      </section>
      <section class="card chart-card" aria-label=${t("overlay.title")}><${Overlay} runs=${drawn} count=${selected.size} drop=${(id) => this.select([id], false)} /></section>
      <div class="menu" popover="auto" ref=${this.menu} role="group" aria-label=${t("compare.actions")} onClick=${(event) => event.target.closest("button") && this.menu.current?.hidePopover()}>
        ${current && html`<button type="button" class="plain" aria-label=${`${t("act.edit")}: ${runName(current)}`} onClick=${() => this.edit([current])}>${t("act.edit")}</button>
          <${Actions} job=${current} name=${runName(current)} />`}</div>
      <${Edit} ready=${(editor) => (this.editor = editor)} />
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
      const hidden = Object.keys(COLUMNS).filter((one) => columns.includes(one) === (one === name));
      savePreference("hidden columns", hidden.join());
      state.replace({ hidden: hidden.join() === HIDDEN.join() ? "" : hidden.join() || "none" });
    };
    return html`<div class="table-tools">
      <label class="search"><span class="unseen">${t("compare.search")}</span><input type="search" maxlength="200" value=${state.get("q")} placeholder=${t("compare.search.hint")} onInput=${search} /></label>
      <label><span class="unseen">${t("compare.status")}</span><select onChange=${(event) => state.replace({ status: event.target.value })}>
        ${["", ...STATUSES].map((name) => html`<option value=${name} selected=${name === state.get("status")}>${t(name ? `status.${name}` : "compare.all")}</option>`)}</select></label>
      <label class="narrow-sort"><span class="unseen">${t("compare.sort")}</span><select onChange=${(event) => state.replace({ sort: event.target.value })}>
        ${["name", ...Object.keys(COLUMNS)].flatMap((name) => ["", "-"].map((sign) => html`<option value=${sign + name} selected=${this.sort === sign + name}>${t(`compare.${name}`)} ${sign ? "↓" : "↑"}</option>`))}</select></label>
      <button type="button" class="secondary small columns-button" popovertarget="columns">${t("compare.columns")}</button>
      <div id="columns" class="menu" popover="auto" onBeforeToggle=${placeColumns} role="group" aria-label=${t("compare.columns")}>${Object.keys(COLUMNS).map((name) => html`<label><input type="checkbox" checked=${columns.includes(name)} onChange=${() => choose(name)} /> ${t(`compare.${name}`)}</label>`)}</div>
    </div>`;
  }

  /** The number of runs, or what can be done with the selected ones. */
  bar(rows, charting) {
    const jobs = this.chosen;
    const isLoading = jobs.length < selected.size;
    const hidden = this.isFiltered ? selected.size - rows.filter((job) => selected.has(job.id)).length : 0;
    const ended = jobs.filter((job) => ENDED.has(job.status)).length;
    return html`<div class="selection"><p role="status">${selected.size ? t(hidden ? "compare.hidden" : "compare.selected", { count: whole(selected.size), hidden: whole(hidden) }) : this.list?.isLoaded ? t(this.list.hasMore ? "compare.more" : "compare.count", { count: whole(rows.length) }) : ""}</p>
      ${selected.size > 0 && html`<button type="button" class="plain chart-button" onClick=${() => this.setState({ charting: !charting })}>${t(charting ? "compare.list" : "compare.chart")}</button>
        <button type="button" class="plain" disabled=${isLoading} onClick=${() => this.edit(jobs)}>${t(selected.size > 1 ? "act.tag" : "compare.edit")}</button>
        <button type="button" class="plain" disabled=${isLoading} onClick=${() => this.remove()}>${ended > 1 ? t("compare.delete", { count: whole(ended) }) : t("act.delete")}</button>
        <button type="button" class="plain" onClick=${() => this.select([...selected.keys()], false)}>${t("compare.unselect")}</button>`}</div>`;
  }

  table(rows) {
    const [from, to] = this.range;
    const { columns, sort } = this;
    const height = rowHeight();
    const heading = (name, label) => {
      const isSorted = sort.replace("-", "") === name;
      const isDescending = sort.startsWith("-");
      const next = isSorted ? (isDescending ? name : `-${name}`) : DESCENDING.includes(name) ? `-${name}` : name;
      return html`<th scope="col" class=${classes(COLUMNS[name]?.number && "number", `c-${name}`)} aria-sort=${isSorted ? (isDescending ? "descending" : "ascending") : undefined}>
        <button type="button" class="plain" title=${COLUMNS[name]?.hint && t(COLUMNS[name].hint)} onClick=${() => state.replace({ sort: next === "-created_at" ? "" : next })}>${label}<span aria-hidden="true">${isSorted ? (isDescending ? " ↓" : " ↑") : ""}</span></button></th>`;
    };
    const all = rows.every((job) => selected.has(job.id));
    return html`<table class="runs" aria-rowcount=${this.list.hasMore ? -1 : rows.length + 1}>
      <caption class="unseen">${t("view.runs")}</caption>
      <colgroup><col class="of-tick" /><col class="of-name" />${columns.map((name) => html`<col key=${name} style=${{ width: `${COLUMNS[name].width}px` }} />`)}</colgroup>
      <thead><tr aria-rowindex="1"><th scope="col"><label class="tick"><input type="checkbox" checked=${all} indeterminate=${!all && rows.some((job) => selected.has(job.id))} aria-label=${t("compare.tick.all")} onChange=${() => this.select(rows.map((job) => job.id), !all)} /></label></th>
        ${heading("name", t("compare.name"))}${columns.map((name) => heading(name, t(`compare.${name}`)))}</tr></thead>
      <tbody>
        ${from > 0 && html`<tr key="above" aria-hidden="true" class="space" style=${{ height: `${Math.min(from, rows.length) * height}px` }} />`}
        ${rows.slice(from, to).map((job, k) => html`<${Row} key=${job.id} job=${job} place=${from + k} columns=${columns} isSelected=${selected.has(job.id)} view=${this} />`)}
        ${to < rows.length && html`<tr key="below" aria-hidden="true" class="space" style=${{ height: `${(rows.length - to) * height}px` }} />`}
      </tbody></table>`;
  }
}

/** Put the list of columns below its button. */
function placeColumns({ target }) {
  const { bottom, right } = document.querySelector(".columns-button").getBoundingClientRect();
  Object.assign(target.style, { top: `${bottom + 4}px`, right: `${innerWidth - right}px` });
}

/** The height of a row in pixels, as in the style sheet. */
const rowHeight = () => (narrow.matches ? 5.25 : 3.25) * parseFloat(getComputedStyle(document.documentElement).fontSize);

/** A row, drawn again only when something in it has changed. */
class Row extends Component {
  shouldComponentUpdate(next) {
    const { job, place, columns, isSelected } = this.props;
    return next.job !== job || next.place !== place || next.isSelected !== isSelected || next.columns.join() !== columns.join() || words.language !== this.language;
  }

  render({ job, place, columns, isSelected, view }) {
    this.language = words.language;
    const name = runName(job);
    const says = [describe(job), job.note].filter(Boolean).join(" – ");
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
      event.preventDefault();
      state.push({ view: "lab", job: job.id, at: "" });
    };
    return html`<tr class=${isSelected ? "chosen" : ""} data-place=${place} aria-rowindex=${place + 2}>
      <td class="c-tick"><label class="tick"><input type="checkbox" checked=${isSelected} onClick=${(event) => view.tick(job, place, event)} aria-label=${t("compare.overlay", { name })} />
        ${isSelected && html`<${Swatch} id=${job.id} />`}</label></td>
      <td class="c-name"><div><a href=${`?view=lab&job=${job.id}`} title=${job.name} onClick=${open}>${name}</a>
        <button type="button" class="plain dots" aria-haspopup="true" aria-label=${`${t("compare.actions")}: ${name}`} onClick=${(event) => view.openMenu(job, event)}>⋯</button>
        <p class="quiet" title=${says}>${job.tags.map((tag) => html`<button type="button" class="tag" onClick=${() => state.replace({ q: `#${tag}` })}>${tag}</button>`)}${says}</p></div></td>
      ${columns.map((column) => html`<td key=${column} class=${classes(`c-${column}`, COLUMNS[column].number && "number")}>${COLUMNS[column].cell(job)}</td>`)}
    </tr>`;
  }
}
