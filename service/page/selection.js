// Selected runs of Compare: their jobs, their losses, and their places in the chart, which the address has.

import { api, UnreachableError } from "./api.js";
import { Run } from "./run.js";
import { showError } from "./session.js";
import { state } from "./state.js";
import { trash } from "./trash.js";

export const MAX_DRAWN = 40;
const POINTS = 4000; // of each line
const jobs = new Map(); // by id; null until they are known
const runs = new Map(); // of the chart, once they are loaded
const loading = new Set();
let address = "";

/** The ids in the address. A run keeps its place, and with it its colour; one that is unselected leaves its place empty. */
const places = () => state.get("jobs").split(",");

export const selection = {
  changed() {},
  takesAll: false, // while all rows are loaded, to be selected
  /** Deleted runs are not selected, until that is undone. */
  has: (id) => jobs.has(id) && !trash.has(id),
  get ids() {
    return [...jobs.keys()].filter(selection.has);
  },
  /** The jobs that are known. */
  get jobs() {
    return selection.ids.map((id) => jobs.get(id)).filter(Boolean);
  },
  /** The loaded runs of the chart. */
  get runs() {
    return places().flatMap((id) => runs.get(id) ?? []);
  },
  /** The place of a run in the chart; -1 if it is not drawn. */
  placeOf: (id) => places().indexOf(id),

  add(more) {
    for (const job of more) jobs.set(job.id, job);
    settle();
  },

  drop(ids) {
    selection.takesAll = false;
    for (const id of ids) jobs.delete(id);
    settle();
  },

  /** Select what another address names. */
  follow() {
    if (state.get("jobs") === address) return;
    jobs.clear();
    for (const id of state.list("jobs")) jobs.set(id, runs.get(id)?.job);
    settle();
  },

  /** Take the newer jobs of the table. */
  update({ rows, hasMore }) {
    const known = rows.filter((job) => selection.takesAll || jobs.has(job.id));
    selection.takesAll &&= hasMore;
    for (const { id, name } of known) if (runs.has(id)) runs.get(id).job.name = name;
    selection.add(known);
  },
};

/** Give new runs the free places, and load the losses of those in the chart. */
function settle() {
  const old = places();
  const now = Array.from({ length: MAX_DRAWN }, (_, k) => (selection.has(old[k]) && old.indexOf(old[k]) === k ? old[k] : ""));
  for (const id of jobs.keys()) {
    if (!now.includes("")) break;
    if (selection.has(id) && !now.includes(id)) now[now.indexOf("")] = id;
  }
  address = now.join().replace(/,+$/, "");
  state.replace({ jobs: address });
  Promise.all(now.filter((id) => id && !loading.has(id) && !runs.get(id)?.ended).map(load)).then(() => selection.changed());
  selection.changed();
}

/** Load the losses of a run, or its new ones. */
async function load(id) {
  loading.add(id);
  try {
    const run = runs.get(id) ?? new Run(jobs.get(id) ?? (await api.job(id)));
    const { status } = await run.loadPoints(POINTS);
    if (status !== run.job.status) run.job = await api.job(id);
    runs.set(id, run);
    if (jobs.has(id)) jobs.set(id, run.job);
  } catch (error) {
    if (error instanceof UnreachableError) return; // the list is refreshed when the service is reachable again
    selection.drop([id]);
    showError(error);
  } finally {
    loading.delete(id);
  }
}
