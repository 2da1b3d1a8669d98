// Outcome of a sweep in a step of a guided path: a bar for each value of the setting, with what became of its GANs.

import { api } from "../api.js";
import { ENDED } from "../run.js";
import { showError } from "../session.js";
import { Component, html } from "../ui.js";
import { nameSettings } from "../labels.js";
import { span, t, whole, wholeParts } from "../words.js";
import { Status } from "./runhead.js";

const WAIT_SECONDS = 0.5; // between two updates of the progress
const MAX_MEMBERS = 1000;

const LATEST = 8000; // of 10,000 iterations: a GAN that is in range since then has stayed there

/** The groups of GANs, worst first, and the number of the group of a member or of a run's result. */
export const GROUPS = {
  chase: { names: ["out", "late", "stays"], of: ({ in_range: inRange, settled_at: at }) => (at && at <= LATEST ? 2 : Number(Boolean(inRange))) },
  cover: { names: ["none", "one", "all"], of: ({ covered }) => covered ?? 0 },
};

export class Swept extends Component {
  componentDidMount() {
    this.mounted = true;
    this.load();
  }

  componentWillUnmount() {
    this.mounted = false;
  }

  async load() {
    const { id } = this.props;
    try {
      let job = await api.job(id);
      this.setState({ job });
      while (this.mounted && !ENDED.has(job.status)) {
        job = await api.job(id, WAIT_SECONDS);
        this.setState({ job });
      }
      const [{ data: cells }, { data: members }] = await Promise.all([api.sweepResults(id), api.sweepMembers(id, `limit=${MAX_MEMBERS}`)]);
      if (!this.mounted) return;
      this.setState({ cells, members }, () => {
        if (this.props.fresh) document.querySelector(".swept")?.scrollIntoView({ block: "nearest" });
      });
    } catch (error) {
      showError(error);
    }
  }

  render({ kind, base, says, label, children }, { job, cells, members }) {
    if (!job) return null;
    if (!members) return html`<div class="swept"><${Status} job=${job} /></div>`;
    const { names, of } = GROUPS[kind];
    const rows = cells.map((cell) => {
      const counts = names.map(() => 0);
      for (const member of members) if (member.cell === cell.cell) counts[of(member)]++;
      const shares = counts.map((count) => count / Math.max(cell.count, 1));
      return { config: cell.config, shares, written: wholeParts(shares), total: cell.count, settled: cell.settled_at?.p50 };
    });
    const best = names.length - 1;
    const [before, middle, after] = [rows[0], rows[1] ?? rows[0], rows.at(-1)];
    const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000;
    const at = (value) => (value ? whole(value) : "–");
    return html`<section class="swept" role="status">
      <div class="swept-head"><h3>${t(rows.length > 1 ? "swept.title.each" : "swept.title", { count: whole(members.length), seeds: whole(after.total) })}</h3><span class="quiet">${t("swept.took", { span: span(seconds) })}</span></div>
      <p>${t(says, { before: before.written[best], middle: middle.written[best], after: after.written[best], one: after.written[1], none: after.written[0], late: at(before.settled), early: at(after.settled) })}</p>
      <dl>${rows.map(({ config, shares, written }) => html`<div><dt>${label(config)}</dt>
        <dd><span class="swept-bar" role="img" aria-label=${names.map((name, k) => t("swept.part", { name: t(`swept.${name}`), share: written[k] })).join(t("list.comma"))}>
          ${shares.map((share, k) => share > 0 && html`<i class=${`swept-${k}`} style=${{ flexGrow: share }}>${share >= 0.06 ? written[k] : ""}</i>`).reverse()}</span></dd></div>`)}</dl>
      <ul class="swept-key">${names.map((name, k) => html`<li><i class=${`swept-${k}`} />${t(`swept.${name}`)}</li>`).reverse()}</ul>
      <p class="caption">${t("swept.same", { settings: nameSettings(Object.entries(base)) })}</p>
      ${children}
    </section>`;
  }
}
