// What is open: the run that the address names, the list of jobs, and what the reader is told about both.

import { api, reach, Unreachable } from "./api.js";
import { follow, unfollow } from "./live.js";
import { player } from "./player.js";
import { ENDED, Run } from "./run.js";
import { state } from "./state.js";

const listeners = new Set();
const REFRESH_MS = 1000;
const PAGE = 100; // jobs asked for at once
const MOST_JOBS = 1000; // kept up to date
let asked = 0;
let opening = null; // the job that is being fetched
let refreshing = 0;
let looks = 0; // at the list of jobs: only what the last one sees counts

export const session = {
  run: null, // of the job in the address
  jobs: null, // the newest, once asked for
  more: null,
  presets: [],
  busy: false,
  trouble: "", // what the last action was told

  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function tell() {
  for (const listener of listeners) listener();
}

/** The job that the address means now: the guided path begins without any, and its step about D alone has one of its own. */
export function wantedJob() {
  const step = state.get("view", "guided") === "guided" ? state.number("step", 0) : null;
  if (step === 0) return "";
  return state.get(step === 2 ? "alone" : "job");
}

/** Show the run that the address names, at the moment that it names. */
export async function openWanted({ replay = false } = {}) {
  const id = wantedJob();
  if (id && id === opening) return;
  const turn = ++asked; // what is on its way is not wanted any more
  opening = id;
  if (id && id === session.run?.job.id) {
    if (player.run !== session.run) player.show(session.run, state.number("at", session.run.end));
    opening = null;
    return;
  }
  if (!id) {
    unfollow();
    session.run = opening = null;
    player.show((session.blank ??= Run.untrained()));
    tell();
    return;
  }
  try {
    const run = await Run.load(id);
    if (turn !== asked) return;
    unfollow();
    session.run = run;
    session.trouble = "";
    player.show(run, state.number("at", run.end));
    if (!run.ended) follow(run, tell);
    else if (replay) player.replay();
  } catch (error) {
    if (turn !== asked) return;
    report(error);
    if (!(error instanceof Unreachable)) {
      unfollow();
      session.run = null;
    }
  } finally {
    if (turn === asked) opening = null;
  }
  tell();
}

/** Train, open the run under `as` in the address, and replay it. */
export async function train(settings, as = "job", where = {}) {
  if (session.busy) return null;
  Object.assign(session, { busy: true, trouble: "" });
  tell();
  try {
    const job = await api.train(settings, 1);
    state.go({ ...where, [as]: job.id, at: "" });
    await openWanted({ replay: true });
    refreshJobs();
    return job;
  } catch (error) {
    report(error);
    return null;
  } finally {
    session.busy = false;
    tell();
  }
}

/** Do something to a job, and say what the service said if it would not. */
export async function act(work) {
  session.trouble = "";
  try {
    return await work();
  } catch (error) {
    report(error);
    return null;
  } finally {
    await refreshJobs();
  }
}

export function report(error) {
  if (error instanceof Unreachable) return; // the banner says it
  session.trouble = error.message;
  tell();
}

/** The newest jobs, as many as are shown; asked for again as long as one of them has not ended and somebody looks. */
export async function refreshJobs() {
  clearTimeout(refreshing);
  const look = ++looks;
  try {
    const shown = Math.min(Math.max(session.jobs?.length ?? 0, PAGE), MOST_JOBS);
    const page = await api.jobs(`limit=${shown}`);
    if (look !== looks) return; // somebody has looked since
    session.jobs = page.data;
    session.more = page.next;
    const open = page.data.find((job) => job.id === session.run?.job.id);
    if (open && session.run) session.run.job = open;
  } catch (error) {
    report(error);
  }
  if (reach.up && session.jobs?.some((job) => !ENDED.has(job.status))) refreshing = setTimeout(refreshJobs, REFRESH_MS);
  tell();
}

export async function olderJobs() {
  const look = ++looks;
  try {
    const page = await api.jobs(`limit=${PAGE}&after=${session.more}`);
    if (look !== looks) return;
    session.jobs = [...session.jobs, ...page.data];
    session.more = page.next;
  } catch (error) {
    report(error);
  }
  refreshJobs();
}

export async function loadPresets() {
  try {
    session.presets = (await api.presets()).data;
  } catch (error) {
    report(error);
  }
  tell();
}

reach.listen(() => {
  if (reach.up) {
    if (!session.presets.length) loadPresets();
    if (!session.run || !session.run.ended) {
      session.run = null;
      openWanted();
    }
    refreshJobs();
  }
  tell();
});
