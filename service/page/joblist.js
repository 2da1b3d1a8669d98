// List of trainings in the order of the address, loaded page by page as the user scrolls, and live where it is visible.

import { api, connection } from "./api.js";
import { ENDED } from "./run.js";
import { trash } from "./trash.js";

const PAGE = 100; // jobs per request
const AHEAD = 40; // rows that are loaded before they are visible
const LIVE_MS = 1000; // between two refreshes while a job runs, or three times as long as a refresh takes
const IDLE_MS = 3000; // otherwise: other clients start jobs, too

export class JobList {
  pages = []; // with the cursor that they follow, and the next one
  rows = [];
  query = "";
  isLoaded = false;
  visible = [0, 0]; // the first and the last visible row

  /** `changed` is called after each change, `failed` with each error. */
  constructor(changed, failed) {
    Object.assign(this, { changed, failed });
    this.stops = [
      trash.listen(() => this.update()),
      connection.listen(() => connection.up && this.refresh()),
    ];
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
  }

  /** Show the jobs of another query; the old ones stay until the first response. */
  open(query) {
    if (query === this.query) return;
    this.query = query;
    this.visible = [0, 0];
    this.pages = [];
    this.working = null; // a response to the previous query is discarded
    this.refresh();
  }

  /** Whether there are more jobs than rows. */
  get hasMore() {
    return Boolean(this.pages.at(-1)?.next);
  }

  /** Note what is visible, and load what comes next. */
  show(first, last) {
    this.visible = [first, last];
    if (this.hasMore && last + AHEAD > this.rows.length) this.run(() => this.load(this.pages.length, this.pages.length));
  }

  /** Load the visible pages again, now and then at intervals. */
  refresh() {
    this.run(() => this.load(this.pageOf(this.visible[0]), this.pageOf(this.visible[1])));
  }

  /** Run one piece of work at a time; an urgent one that comes meanwhile is repeated by the timer. */
  async run(work) {
    if (this.working || this.isStopped) return;
    clearTimeout(this.timer);
    const token = (this.working = {});
    const started = performance.now();
    try {
      await work();
    } catch (error) {
      if (token === this.working) this.failed(error);
    }
    if (token !== this.working) return;
    this.working = null;
    if (this.isStopped) return;
    const isLive = this.rows.some((job) => !ENDED.has(job.status)) && !document.hidden;
    this.timer = setTimeout(() => (connection.up ? this.refresh() : this.run(async () => {})), Math.max(isLive ? LIVE_MS : IDLE_MS, 3 * (performance.now() - started)));
    this.show(...this.visible);
  }

  /** Load pages; those after them stay if no row has moved between them. */
  async load(from, to) {
    const token = this.working;
    const fresh = [];
    let after = from ? this.pages[from - 1].next : null;
    do {
      const page = await api.jobs(`${this.query}&limit=${PAGE}${after ? `&after=${after}` : ""}`);
      if (token !== this.working) return;
      fresh.push({ after, jobs: page.data, next: page.next });
      after = page.next;
    } while (after && from + fresh.length <= to);
    const follows = this.pages[from + fresh.length];
    this.pages.splice(from, follows && follows.after === after ? fresh.length : Infinity, ...fresh);
    this.isLoaded = true;
    this.update();
  }

  update() {
    const seen = new Set();
    this.rows = [];
    for (const page of this.pages) {
      page.start = this.rows.length;
      for (const job of page.jobs) if (!trash.has(job.id) && !seen.has(job.id)) this.rows.push(job), seen.add(job.id);
    }
    this.changed();
  }

  pageOf(row) {
    return Math.max(this.pages.findLastIndex((page) => page.start <= row), 0);
  }
}

