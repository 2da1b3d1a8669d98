// Session: the run that the address names, the list of jobs, and the last error.

import { api, connection, UnreachableError } from "./api.js";
import { follow, unfollow } from "./live.js";
import { player } from "./player.js";
import { ENDED, Run } from "./run.js";
import { fieldText, valueOf, validationError } from "./settings.js";
import { state } from "./state.js";
import { trash } from "./trash.js";
import { hasWords, t } from "./words.js";

const listeners = new Set();
const REFRESH_MS = 1000; // between two refreshes, or three times as long as a refresh takes
const LISTED = 100; // the newest jobs
export const BEYOND = "beyond"; // the guided path in the address
const [REAL, ALONE, UNTRAINED] = [1, 2, 3]; // steps of the article's
const untrained = {}; // kept, so that they stay the same
const DRAWN = ["experiment", "pattern", "spread", "hidden_size", "latent", "latent_value"]; // settings that untrained networks show
const lastValid = {}; // of these in the form, so that the picture stays while a field is edited
let wasStill = false;
let latestOpening = 0;
let openingId = null; // of the job that is being loaded
let refreshTimer = 0;
let latestRefresh = 0; // results of earlier refreshes are discarded

export const session = {
  run: null, // of the job in the address
  jobs: null, // the newest, once loaded
  presets: [],
  busy: false,
  errorMessage: "", // of the last action

  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function notify() {
  for (const listener of listeners) listener();
}

/** The step of the article's guided path; null elsewhere. */
const articleStep = () => (state.get("view", "guided") === "guided" && state.get("path") !== BEYOND ? state.number("step", 0) : null);

/** Whether a GAN has been trained for more than the one iteration of the untrained generator. */
export const isTrained = (run) => Boolean(run?.hasGenerator && run.config.iterations > 1);

/** Whether the guided path shows untrained networks: in its step about them, and until a GAN has been trained. */
export const showsUntrained = () => articleStep() === UNTRAINED || (articleStep() > UNTRAINED && !isTrained(session.run));

/** Whether the guided path shows nothing that changes during a run. */
export const isStill = () => articleStep() === REAL || showsUntrained();

/** The job that the address names. The guided tour starts without one; its step about D alone and those beyond the article have their own. */
export function addressedJobId() {
  const step = articleStep();
  if (step === null && state.get("view", "guided") === "guided") return state.get(`b${state.number("step", 0) || 1}`);
  if (step === 0) return "";
  return state.get(step === ALONE ? "alone" : "job");
}

/** Untrained networks: the article's, or D alone. The path beyond the article has none, since each of its steps names its seed. */
function untrainedRun() {
  if (state.get("view", "guided") === "guided" && state.get("path") === BEYOND) return null;
  const settings = articleStep() === ALONE ? { experiment: "discriminator" } : {};
  if (state.get("view") === "lab") {
    const preset = session.presets.find(({ name }) => name === state.get("preset", "article"));
    for (const name of DRAWN) {
      const text = fieldText(name, preset);
      if (!validationError(name, text)) lastValid[name] = valueOf(name, text);
    }
    Object.assign(settings, lastValid);
  }
  return (untrained[JSON.stringify(settings)] ??= Run.untrained(settings));
}

/** Show the run at the moment that the address names. */
function showRun(run) {
  wasStill = showsUntrained();
  player.show(run, wasStill ? 0 : state.number("at", Infinity));
}

/** Open the run and the moment that the address names. */
export async function openAddressedRun({ replay = false, reload = false } = {}) {
  const id = addressedJobId();
  if (id && id === openingId) return;
  const opening = ++latestOpening; // responses to earlier openings are discarded
  openingId = id;
  if (!reload && id && id === session.run?.job.id) {
    if (player.run !== session.run || showsUntrained() !== wasStill) showRun(session.run);
    openingId = null;
    return;
  }
  if (!id) {
    unfollow();
    session.run = openingId = null;
    player.show(untrainedRun());
    notify();
    return;
  }
  try {
    const run = await Run.load(id);
    if (opening !== latestOpening) return;
    unfollow();
    session.errorMessage = "";
    session.run = run.hasGenerator || !(articleStep() >= UNTRAINED) ? run : null; // D alone says nothing of a GAN
    showRun(session.run ?? untrainedRun());
    if (session.run && !run.ended) follow(run, notify);
    else if (replay && !isStill()) player.replay();
  } catch (error) {
    if (opening !== latestOpening) return;
    showError(error);
    if (!(error instanceof UnreachableError)) {
      unfollow();
      session.run = null;
    }
  } finally {
    if (opening === latestOpening) openingId = null;
  }
  notify();
}

/** Train, store the job's id as the parameter `as`, and replay the run. */
export async function train(settings, as = "job", where = {}) {
  if (session.busy) return null;
  Object.assign(session, { busy: true, errorMessage: "" });
  notify();
  const [view, before] = [state.viewKey(), state.get(as)];
  try {
    const job = await api.train(settings, 1);
    if (state.get(as) === before) {
      if (state.viewKey() === view) state.push({ ...where, [as]: job.id, at: "" });
      else state.replace({ [as]: job.id, at: "" });
    }
    await openAddressedRun({ replay: true });
    refreshJobs();
    return job;
  } catch (error) {
    showError(error);
    return null;
  } finally {
    session.busy = false;
    notify();
  }
}

/** Run an action on a job, show its error, and refresh the list. */
export async function runAction(work) {
  session.errorMessage = "";
  try {
    return await work();
  } catch (error) {
    showError(error);
    return null;
  } finally {
    await refreshJobs();
  }
}

export function showError(error) {
  if (error instanceof UnreachableError) return; // a banner is visible
  const key = [`problem.${error.slug}.${state.get("view")}`, `problem.${error.slug}`].find(hasWords);
  session.errorMessage = key ? t(key) : error.message;
  notify();
}

trash.failed = showError;
trash.listen(() => {
  refreshJobs();
});

/** Load the newest jobs; repeat while one of them has not ended. */
export async function refreshJobs() {
  clearTimeout(refreshTimer);
  const refresh = ++latestRefresh;
  const started = performance.now();
  try {
    const { data } = await api.jobs(`limit=${LISTED}`);
    if (refresh !== latestRefresh) return; // a newer refresh is pending
    session.jobs = data.filter((job) => !trash.has(job.id));
    const open = data.find((job) => job.id === session.run?.job.id);
    if (open && !session.run.ended) session.run.job = open; // the event stream reports the end itself
  } catch (error) {
    showError(error);
  }
  if (connection.up && session.jobs?.some((job) => !ENDED.has(job.status))) {
    refreshTimer = setTimeout(refreshJobs, Math.max(REFRESH_MS, 3 * (performance.now() - started)));
  }
  notify();
}

export async function loadPresets() {
  try {
    session.presets = (await api.presets()).data;
    if (!session.run) openAddressedRun(); // the untrained networks may be those of a preset
  } catch (error) {
    showError(error);
  }
  notify();
}

connection.listen(() => {
  if (connection.up) {
    if (!session.presets.length) loadPresets();
    if (!session.run?.ended || session.run.incomplete) openAddressedRun({ reload: true });
    refreshJobs();
  }
  notify();
});
