// List of trainings in the order of the address, loaded page by page as the user scrolls, and live where it is visible.

import { api, connection } from "./api.js";
import { ENDED } from "./run.js";
import { trash } from "./trash.js";

const PAGE = 100; // jobs per request
const AHEAD = 40; // rows that are loaded before they are visible
const LIVE_MS = 1000; // between two refreshes while a job runs, or three times as long as a refresh takes
const IDLE_MS = 3000; // otherwise: other clients start jobs, too

export class JobList {
  pages = []; // as the service sent them
  rows = [];
  query = "";
  isLoaded = false;
  visible = [0, 0]; // the first and the last visible row

  /** `changed` is called after each change, `failed` with each error. */
  constructor(changed, failed) {
    Object.assign(this, { changed, failed });
    this.stops = [trash.listen(() => this.update()), connection.listen(() => connection.up && this.refresh())];
  }

  stop() {
    this.query = null;
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
  }

  /** Show the jobs of another query; the old ones stay until the first response. */
  open(query) {
    if (query === this.query) return;
    Object.assign(this, { query, visible: [0, 0], pages: [] });
    this.refresh();
  }

  /** Whether there are more jobs than rows. */
  get hasMore() {
    return Boolean(this.pages.at(-1)?.next);
  }

  /** Note what is visible, and load what comes next. */
  show(first, last) {
    this.visible = [first, last];
    if (this.hasMore && last + AHEAD > this.rows.length) this.load(this.pages.length);
  }

  /** Load the visible pages again, now and then at intervals. */
  refresh() {
    this.load(...this.visible.map((row) => this.pageOf(row)));
  }

  /** Load pages, one request at a time; those after them stay if no row has moved between them. */
  async load(from, to = from) {
    if (this.isLoading) return;
    this.isLoading = true;
    clearTimeout(this.timer);
    const { query } = this;
    const started = performance.now();
    const fresh = [];
    let after = from ? this.pages[from - 1].next : null;
    let error = null;
    try {
      do {
        const page = await api.jobs(`${query}&limit=${PAGE}${after ? `&after=${after}` : ""}`);
        fresh.push(page);
        after = page.next;
      } while (after && from + fresh.length <= to);
    } catch (reason) {
      error = reason;
    }
    this.isLoading = false;
    if (this.query === null) return;
    if (query !== this.query) return this.refresh();
    if (connection.up) this.timer = setTimeout(() => this.refresh(), Math.max(this.rows.some((job) => !ENDED.has(job.status)) ? LIVE_MS : IDLE_MS, 3 * (performance.now() - started)));
    if (error) return this.failed(error);
    const isInPlace = this.pages[from + fresh.length - 1]?.next === after;
    this.pages.splice(from, isInPlace ? fresh.length : Infinity, ...fresh);
    this.isLoaded = true;
    this.update();
    this.show(...this.visible);
  }

  update() {
    const jobs = new Map();
    for (const page of this.pages) {
      page.start = jobs.size;
      for (const job of page.data) if (!trash.has(job.id) && !jobs.has(job.id)) jobs.set(job.id, job);
    }
    this.rows = [...jobs.values()];
    this.changed();
  }

  /** The page of a row, or the first of those before it whose jobs are all hidden, where new jobs may appear. */
  pageOf(row) {
    return Math.max(this.pages.findLastIndex((page) => page.start < Math.min(row, this.rows.length)), 0);
  }
}
