// Table of all trainings, live and sorted, of which only the rows near the visible ones are drawn.

import { describe } from "../labels.js";
import { selection } from "../selection.js";
import { FIELDS } from "../settings.js";
import { state } from "../state.js";
import { classes, Component, createRef, html, markCut } from "../ui.js";
import { ago, displayed, fine, short, t, whole } from "../words.js";
import { Actions } from "./actions.js";
import { Bits, madeOf, Swatch } from "./parts.js";
import { runName, Status } from "./runhead.js";

const SPARE = 8; // rows drawn above and below the visible ones
const loss = (name) => ({ width: 84, number: true, hint: "overlay.last", cell: ({ result }) => fine(result?.[name] ?? NaN, 3) });
const setting = (name, width, show = displayed) => ({ width, number: FIELDS[name].kind === "number", cell: ({ config }) => html`<span class=${String(config[name]) === String(FIELDS[name].default ?? config.learning_rate) ? "quiet" : "differs"}>${show(config[name])}</span>` });
function bits(job) {
  const made = madeOf(job);
  return /^[01]{1,6}$/.test(made) ? html`<${Bits} bits=${made} right=${job.result.in_range} />` : html`<span class="long">${made}</span>`;
}
export const COLUMNS = {
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
  loss: setting("loss", 115),
  pattern: setting("pattern", 110),
  status: { width: 150, cell: (job) => html`<${Status} job=${job} />` },
};
export const NEWEST_FIRST = "-created_at";
const DESCENDING = ["created_at", "settled_at"]; // at the first press

/** Props: the `list` of jobs; the names of its `columns`, and its `sort`; what an `empty` one says; and `edit(jobs)`. */
export class RunTable extends Component {
  box = createRef();
  rowHeight = 52; // pixels, until a row is measured
  range = [0, 40]; // of the drawn rows

  componentDidMount() {
    addEventListener("resize", this.see);
  }

  componentDidUpdate() {
    if (this.query !== this.props.list.query) this.box.current.scrollTop = 0;
    this.query = this.props.list.query;
    this.see();
  }

  componentWillUnmount() {
    removeEventListener("resize", this.see);
  }

  /** Note which rows are visible; draw others when they have changed by some rows. */
  see = () => {
    const box = this.box.current;
    markCut(box);
    this.rowHeight = box.querySelector("[data-place]")?.getBoundingClientRect().height ?? this.rowHeight;
    const first = Math.floor(box.scrollTop / this.rowHeight);
    const last = Math.ceil((box.scrollTop + box.clientHeight) / this.rowHeight);
    this.props.list.show(first, selection.takesAll ? Infinity : last);
    const range = [Math.max(Math.floor(first / SPARE - 1) * SPARE, 0), Math.ceil(last / SPARE + 1) * SPARE];
    if (range.join() === this.range.join()) return;
    this.range = range;
    this.setState({});
  };

  /** Select or unselect a row, or with the shift key all from the last one on. */
  tick(job, place, event) {
    const { rows } = this.props.list;
    const start = event.shiftKey ? rows.findIndex((row) => row.id === this.last) : -1;
    const from = start < 0 ? place : start;
    this.last = job.id;
    this.choose(rows.slice(Math.min(from, place), Math.max(from, place) + 1), event.target.checked);
  }

  choose(rows, on) {
    if (on) selection.add(rows);
    else selection.drop(rows.map((row) => row.id));
  }

  /** Select all jobs that match, also those that are to be loaded; or unselect the rows. */
  tickAll(on) {
    const { list } = this.props;
    selection.takesAll = on && list.hasMore;
    this.choose(list.rows, on);
  }

  /** Move the focus to the box of the next or the previous row. */
  move(event) {
    const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!next || !event.target.matches("td input")) return;
    event.preventDefault();
    event.target.closest("tr")[next]?.querySelector("input")?.focus();
  }

  /** Close the menu of another run, so that the press that follows opens it anew. */
  openMenu(id) {
    if (id !== this.state.menuOf) document.getElementById("run-menu").hidePopover();
    this.setState({ menuOf: id });
  }

  render({ list, columns, sort, empty, edit }, { menuOf }) {
    const { rows } = list;
    const job = rows.find((row) => row.id === menuOf);
    const [from, to] = this.range;
    const space = (count) => count > 0 && html`<tr aria-hidden="true" class="space" style=${{ height: `${count * this.rowHeight}px` }} />`;
    const all = selection.takesAll || (!list.hasMore && rows.every((row) => selection.has(row.id)));
    return html`<div class="rows" ref=${this.box} tabindex="-1" onScroll=${this.see} onKeyDown=${this.move}>${rows.length ? html`<table class="runs" aria-rowcount=${list.hasMore ? -1 : rows.length + 1}>
        <caption class="unseen">${t("view.runs")}</caption>
        <colgroup><col class="of-tick" /><col class="of-name" />${columns.map((name) => html`<col key=${name} style=${{ width: `${COLUMNS[name].width}px` }} />`)}</colgroup>
        <thead><tr aria-rowindex="1"><th scope="col"><label class="tick"><input type="checkbox" checked=${all} indeterminate=${!all && rows.some((row) => selection.has(row.id))} onChange=${() => this.tickAll(!all)} /><span class="unseen">${t("compare.tick.all")}</span></label></th>
          ${["name", ...columns].map((name) => html`<${Heading} name=${name} sort=${sort} />`)}</tr></thead>
        <tbody>${space(Math.min(from, rows.length))}
          ${rows.slice(from, to).map((row, k) => html`<${Row} key=${row.id} job=${row} place=${from + k} columns=${columns} table=${this} />`)}
          ${space(rows.length - to)}</tbody></table>` : html`<p class="empty">${empty}</p>`}</div>
      <div id="run-menu" class="menu" popover role="group" aria-label=${t("compare.actions")} onClickCapture=${(event) => event.target.matches("button") && event.currentTarget.hidePopover()}>
        ${job && html`<button type="button" class="plain" autofocus aria-label=${`${t("act.edit")}: ${runName(job)}`} onClick=${() => edit([job])}>${t("act.edit")}</button>
          <${Actions} job=${job} name=${runName(job)} />`}</div>`;
  }
}

function Heading({ name, sort }) {
  const { number, hint } = COLUMNS[name] ?? {};
  const isSorted = sort.replace("-", "") === name;
  const isDescending = isSorted ? sort.startsWith("-") : !DESCENDING.includes(name); // a press turns it round
  const next = isDescending ? name : `-${name}`;
  return html`<th scope="col" class=${number && "number"} aria-sort=${isSorted ? (isDescending ? "descending" : "ascending") : undefined}>
    <button type="button" class="plain" title=${hint && t(hint)} onClick=${() => state.replace({ sort: next === NEWEST_FIRST ? "" : next })}>${t(`compare.${name}`)}<span aria-hidden="true">${isSorted ? (isDescending ? " ↓" : " ↑") : ""}</span></button></th>`;
}

function Row({ job, place, columns, table }) {
  const name = runName(job);
  const says = [describe(job), job.note].filter(Boolean).join(" – ");
  const isSelected = selection.has(job.id);
  const line = selection.placeOf(job.id);
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
    event.preventDefault();
    state.push({ view: "lab", job: job.id, at: "" });
  };
  return html`<tr class=${isSelected && "chosen"} data-place=${place} aria-rowindex=${place + 2}>
    <td class="c-tick"><label class="tick"><input type="checkbox" checked=${isSelected} onClick=${(event) => table.tick(job, place, event)} aria-label=${t("compare.overlay", { name })} />
      ${line >= 0 && html`<${Swatch} place=${line} />`}</label></td>
    <td class="c-name"><div><a href=${`?view=lab&job=${job.id}`} title=${job.name} onClick=${open}>${name}</a>
      <button type="button" class="plain dots" popovertarget="run-menu" aria-label=${`${t("compare.actions")}: ${name}`} onClick=${() => table.openMenu(job.id)}>⋯</button>
      <p class="quiet" title=${says}>${job.tags.map((tag) => html`<button type="button" class="tag" onClick=${() => state.replace({ q: `#${tag}` })}>${tag}</button>`)}${says}</p></div></td>
    ${columns.map((column) => html`<td key=${column} class=${classes(`c-${column}`, COLUMNS[column].number && "number")}>${COLUMNS[column].cell(job)}</td>`)}
  </tr>`;
}
