// Deleted jobs: hidden at once and deleted after ten seconds, or when the page is left; until then they can be restored.

import { api } from "./api.js";

const UNDO_MS = 10_000;
const AT_ONCE = 6; // requests
const hidden = new Set();
const listeners = new Set();
let timer = 0;

export const trash = {
  jobs: [], // that can be restored
  has: (id) => hidden.has(id),
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  /** Hide jobs, and delete those that were hidden before. */
  put(jobs) {
    trash.empty();
    trash.jobs = jobs;
    for (const job of jobs) hidden.add(job.id);
    timer = setTimeout(trash.empty, UNDO_MS);
    notify();
  },

  restore() {
    clearTimeout(timer);
    for (const job of trash.jobs) hidden.delete(job.id);
    trash.jobs = [];
    notify();
  },

  /** Delete the hidden jobs; those that cannot be deleted return, and `trash.failed` is called. */
  async empty(atOnce = AT_ONCE) {
    clearTimeout(timer);
    const queue = trash.jobs;
    trash.jobs = [];
    notify();
    const next = async () => {
      for (let job = queue.pop(); job; job = queue.pop()) {
        try {
          await api.remove(job.id);
        } catch (error) {
          if (error.status === 404) continue;
          hidden.delete(job.id);
          trash.failed?.(error);
          notify();
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, next));
  },
};

const notify = () => {
  for (const listener of listeners) listener();
};

addEventListener("pagehide", () => trash.empty(trash.jobs.length));
