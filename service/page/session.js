// What is open: the run that the address names, the list of jobs, and what the reader is told about both.

import { api, reach, Unreachable } from "./api.js";
import { follow, unfollow } from "./live.js";
import { player } from "./player.js";
import { ENDED, Run } from "./run.js";
import { state } from "./state.js";

const listeners = new Set();
const REFRESH_MS = 1000; // between two looks at the jobs, or three times as long as such a look takes
const PAGE = 100; // jobs shown at first, and more of them at each asking
const MOST_AT_ONCE = 1000; // jobs that the service lists in one answer
let asked = 0;
let opening = null; // the job that is being fetched
let refreshing = 0;
let wanted = PAGE; // of the newest jobs
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
export async function openWanted({ replay = false, anew = false } = {}) {
  const id = wantedJob();
  if (id && id === opening) return;
  const turn = ++asked; // what is on its way is not wanted any more
  opening = id;
  if (!anew && id && id === session.run?.job.id) {
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
  const [place, before] = [state.place(), state.get(as)];
  try {
    const job = await api.train(settings, 1);
    if (state.get(as) === before) {
      if (state.place() === place) state.go({ ...where, [as]: job.id, at: "" });
      else state.adjust({ [as]: job.id, at: "" });
    }
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

/** The newest jobs, as many as are wanted; asked for again as long as one of them has not ended and somebody looks. */
export async function refreshJobs() {
  clearTimeout(refreshing);
  const look = ++looks;
  const started = performance.now();
  try {
    let jobs = [];
    let next = null;
    do {
      const page = await api.jobs(`limit=${Math.min(wanted - jobs.length, MOST_AT_ONCE)}${next ? `&after=${next}` : ""}`);
      if (look !== looks) return; // somebody has looked since
      jobs = [...jobs, ...page.data];
      next = page.next;
    } while (next && jobs.length < wanted);
    session.jobs = jobs;
    session.more = next;
    const open = jobs.find((job) => job.id === session.run?.job.id);
    if (open && !session.run.ended) session.run.job = open; // of one that has ended its stream knows better
  } catch (error) {
    report(error);
  }
  if (reach.up && session.jobs?.some((job) => !ENDED.has(job.status))) {
    refreshing = setTimeout(refreshJobs, Math.max(REFRESH_MS, 3 * (performance.now() - started)));
  }
  tell();
}

export function olderJobs() {
  wanted += PAGE;
  return refreshJobs();
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
    if (!session.run?.ended || session.run.cut) openWanted({ anew: true });
    refreshJobs();
  }
  tell();
});
