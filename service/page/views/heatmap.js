// Heat map of a sweep: a cell for each combination of settings, and the members of the chosen cell.

import { api } from "../api.js";
import { showError } from "../session.js";
import { state } from "../state.js";
import { onShade, shade, theme } from "../theme.js";
import { classes, Component, html } from "../ui.js";
import { percent, short, t, whole } from "../words.js";
import { Actions } from "./actions.js";
import { ClusterLine } from "./cluster.js";
import { Bits } from "./parts.js";
import { Status, sweepName } from "./runhead.js";

const MEMBERS = 20; // per page
/** Statistics that colour the cells. Better values are darker. */
const QUESTIONS = {
  in_range_rate: { of: (cell) => cell.in_range_rate, format: percent },
  bits_rate: { of: (cell) => cell.bits_rate, format: percent },
  settled_at: { of: (cell) => cell.settled_at?.p50 ?? null, format: whole },
  generator_loss: { of: (cell) => cell.generator_loss, format: short },
};

export class HeatMap extends Component {
  render({ job, cells, cluster }) {
    const question = state.get("value") in QUESTIONS ? state.get("value") : "in_range_rate";
    const fields = Object.keys(cells[0]?.config ?? {});
    const [across, ...down] = fields;
    const along = (field) => [...new Set(cells.map((cell) => cell.config[field]))].sort((a, b) => (typeof a === "number" ? a - b : 0));
    const columns = across ? along(across) : [null];
    const rows = down.reduce((found, field) => found.flatMap((row) => along(field).map((value) => ({ ...row, [field]: value }))), [{}]);
    const find = (x, row) => cells.find(({ config }) => (!across || config[across] === x) && down.every((field) => config[field] === row[field]));
    const named = (names) => names.map((name) => t(`field.${name}`)).join(" · ") || "–";
    const [low, high] = bounds(question, cells);
    const chosen = cells.find((cell) => String(cell.cell) === state.get("cell"));
    return html`<div class="map">
      <div class="map-head"><h2>${sweepName(job)}</h2><${Status} job=${job} />
        <span class="actions"><${Actions} job=${job} name=${sweepName(job)} forget=${() => state.replace({ sweep: "", cell: "" })} /></span></div>
      ${cluster && html`<${ClusterLine} cluster=${cluster} />`}
      <div class="segments wrap" role="group" aria-label=${t("sweep.question")}>${Object.keys(QUESTIONS).map((name) => html`<button type="button" class="chip" aria-pressed=${name === question}
        onClick=${() => state.replace({ value: name === "in_range_rate" ? "" : name })}>${t(`question.${name}`)}</button>`)}</div>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("sweep.map")}><table class=${classes("heat", down.length > 1 && "deep")}><caption>${t("sweep.caption", { across: named(fields.slice(0, 1)), down: named(down) })}</caption>
        <thead><tr><td></td>${columns.map((x) => html`<th scope="col">${x === null ? "" : say(x)}</th>`)}</tr></thead>
        <tbody>${rows.map((row) => html`<tr><th scope="row">${Object.values(row).map(say).join(" · ")}</th>${columns.map((x) => html`<td><${Cell} cell=${find(x, row)} question=${question} low=${low} high=${high} chosen=${chosen} /></td>`)}</tr>`)}</tbody></table></div>
      ${question === "settled_at" && cells.some((cell) => cell.count && cell.settled_at.p50 === null) && html`<p class="caption">${t("sweep.unsettled")}</p>`}
      ${chosen ? html`<${Members} key=${`${job.id}-${chosen.cell}`} job=${job} cell=${chosen} />` : html`<p class="caption">${t("sweep.click")}</p>`}
    </div>`;
  }
}

const say = (value) => (typeof value === "number" ? short(value) : t(`choice.${value}`) === `choice.${value}` ? value : t(`choice.${value}`));

function bounds(question, cells) {
  if (question.endsWith("rate")) return [0, 1];
  const known = cells.filter((cell) => cell.count).map(QUESTIONS[question].of).filter((value) => value !== null);
  return [Math.max(...known, 0), Math.min(...known, Infinity)]; // lower values are darker
}

function Cell({ cell, question, low, high, chosen }) {
  if (!cell?.count) return html`<span class="heat-cell waiting">${t("sweep.waiting")}</span>`;
  const { of, format } = QUESTIONS[question];
  const value = of(cell);
  const share = value === null ? 0 : high === low ? 1 : (value - low) / (high - low);
  return html`<button type="button" class=${classes("heat-cell", cell === chosen && "chosen")} style=${{ background: shade(theme.ramps.value, share), color: onShade(theme.ramps.value, share) }}
    aria-pressed=${cell === chosen} onClick=${() => state.replace({ cell: cell === chosen ? "" : cell.cell })}>${value === null ? "–" : format(value)}<small>${t("sweep.of", { count: whole(cell.count) })}</small></button>`;
}

/** The members of a cell. The service can train each again, to the same bits, as a job of its own. */
class Members extends Component {
  state = { rows: null, next: null, only: "", busy: false };
  turn = 0;

  componentDidMount() {
    this.more("");
  }

  async more(only, after) {
    const { job, cell } = this.props;
    const query = new URLSearchParams({ cell: cell.cell, limit: MEMBERS, ...(only && { in_range: only }), ...(after && { after }) });
    const turn = ++this.turn;
    try {
      const page = await api.sweepMembers(job.id, query);
      if (turn !== this.turn) return; // a newer request is pending
      this.setState({ rows: [...(after ? this.state.rows : []), ...page.data], next: page.next, only });
    } catch (error) {
      showError(error);
    }
  }

  async open(index) {
    const view = state.viewKey();
    this.setState({ busy: true });
    try {
      const job = await api.trainMember(this.props.job.id, index);
      await api.job(job.id, 5);
      if (state.viewKey() === view) state.push({ view: "lab", job: job.id, at: "" });
    } catch (error) {
      showError(error);
    }
    this.setState({ busy: false });
  }

  render({ cell }, { rows, next, only, busy }) {
    const filter = (value, key) => html`<button type="button" class="chip" aria-pressed=${only === value} onClick=${() => this.more(value)}>${t(key)}</button>`;
    return html`<section class="members-of"><h3>${t("members.title", { config: Object.entries(cell.config).map(([name, value]) => `${t(`field.${name}`)} ${say(value)}`).join(" · ") })}</h3>
      <div class="segments" role="group" aria-label=${t("members.filter")}>${filter("", "members.all")}${filter("true", "members.in")}${filter("false", "members.out")}</div>
      ${rows && !rows.length && html`<p class="empty">${t("members.none")}</p>`}
      ${rows?.length > 0 && html`<table class="runs"><caption class="unseen">${t("members.caption")}</caption><thead><tr><th scope="col" class="number">${t("field.seed")}</th><th scope="col">${t("compare.bits")}</th><th scope="col" class="number">${t("compare.settled")}</th><th scope="col"><span class="unseen">${t("compare.actions")}</span></th></tr></thead>
        <tbody>${rows.map((row) => html`<tr><td class="number">${row.seed}</td><td>${row.bits ? html`<${Bits} bits=${row.bits} right=${row.in_range} />` : "–"}</td><td class="number">${row.settled_at ? whole(row.settled_at) : "–"}</td>
          <td class="actions"><button type="button" class="plain" disabled=${busy} aria-label=${`${t("members.open")}: ${t("compare.seed", { seed: row.seed })}`} onClick=${() => this.open(row.index)}>${t("members.open")}</button></td></tr>`)}</tbody></table>`}
      ${next && html`<button type="button" class="secondary small" onClick=${() => this.more(only, next)}>${t("members.more")}</button>`}
    </section>`;
  }
}
