// Members of a sweep's cell. The service can train each again, to the same bits, as a job of its own.

import { api } from "../api.js";
import { showError } from "../session.js";
import { state } from "../state.js";
import { cellName } from "../sweepmap.js";
import { Component, html } from "../ui.js";
import { t, whole } from "../words.js";
import { Bits } from "./parts.js";

const MEMBERS = 20; // per page

export class Members extends Component {
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
      this.setState({ rows: [...(after ? this.state.rows : []), ...page.data], next: page.next, only }, () => {
        if (!after && !only) this.props.shown();
      });
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
    return html`<section class="members-of"><h3>${t("members.title", { config: cellName(cell) })}</h3>
      <div class="segments" role="group" aria-label=${t("members.filter")}>${filter("", "members.all")}${filter("true", "members.in")}${filter("false", "members.out")}</div>
      ${rows && !rows.length && html`<p class="empty">${t("members.none")}</p>`}
      ${rows?.length > 0 && html`<table><caption class="unseen">${t("members.caption")}</caption><thead><tr><th scope="col" class="number">${t("field.seed")}</th><th scope="col">${t("compare.bits")}</th><th scope="col" class="number">${t("members.settled")}</th><td></td></tr></thead>
        <tbody>${rows.map((row) => html`<tr><td class="number">${row.seed}</td><td>${row.bits ? html`<${Bits} bits=${row.bits} right=${row.in_range} />` : "–"}</td><td class="number">${row.settled_at ? whole(row.settled_at) : "–"}</td>
          <td><button type="button" class="plain" disabled=${busy} aria-label=${`${t("members.open")}: ${t("compare.seed", { seed: row.seed })}`} onClick=${() => this.open(row.index)}>${t("members.open.short")}</button></td></tr>`)}</tbody></table>`}
      ${next && html`<button type="button" class="secondary small" onClick=${() => this.more(only, next)}>${t("members.more")}</button>`}
    </section>`;
  }
}
