// Deleted jobs: hidden at once and deleted after ten seconds, or when the page is left; until then they can be restored.

import { api } from "./api.js";

const UNDO_MS = 10_000;
const MAX_JOBS = 500; // of one request, whose URL the service limits to 16 KiB; when the page is left, browsers send few requests
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

  /** Delete the hidden jobs, all requests at once; those that cannot be deleted return, and `trash.failed` is called. */
  empty() {
    clearTimeout(timer);
    const ids = trash.jobs.map((job) => job.id);
    trash.jobs = [];
    notify();
    while (ids.length) remove(ids.splice(0, MAX_JOBS));
  },
};

async function remove(ids) {
  try {
    while ((await api.remove(ids)).remaining); // a request ends after some seconds
  } catch (error) {
    for (const id of ids) hidden.delete(id);
    trash.failed?.(error);
    notify();
  }
}

const notify = () => {
  for (const listener of listeners) listener();
};

addEventListener("pagehide", trash.empty);
