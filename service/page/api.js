// The service over HTTP: JSON in and out, problems as errors, and whether it can be reached at all.

const PROBE_MS = 1000;
const HEARTBEAT_MS = 5000;
const listeners = new Set();
let probe = 0;

/** An answer that says what went wrong (RFC 9457). */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.mistakes = body.errors ?? [];
  }
}

/** No answer at all. */
export class Unreachable extends Error {}

export const reach = {
  up: true,
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Ask, and take the answer whatever its type is. */
export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  if (body !== undefined) headers = { ...headers, "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new Unreachable(path);
  }
  found();
  if (!answer.ok) throw new Problem(await answer.json().catch(() => ({})), answer.status);
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();

export const api = {
  presets: () => json("presets"),
  jobs: (query = "limit=50") => json(`jobs?${query}`),
  job: (id, wait = 0) => json(`jobs/${id}${wait ? `?wait=${wait}` : ""}`),
  train: (settings, wait = 0) => json(`train${wait ? `?wait=${wait}` : ""}`, { method: "POST", body: settings }),
  act: (id, action) => json(`jobs/${id}/${action}`, { method: "POST" }),
  remove: (id) => ask(`jobs/${id}`, { method: "DELETE" }),
  progress: (id, query) => json(`jobs/${id}/progress?${query}`),
  snapshots: (id, weights) => json(`jobs/${id}/snapshots?weights=${weights}`),
  sweep: (plan) => json("sweeps", { method: "POST", body: plan }),
  sweepResults: (id) => json(`sweeps/${id}/results`),
  sweepMembers: (id, query) => json(`sweeps/${id}/members?${query}`),
  trainMember: (id, index) => json(`sweeps/${id}/members/${index}/train`, { method: "POST" }),
};

/** What the service did not answer: say so, and look every second whether it is back. */
export function lost() {
  if (!reach.up) return;
  reach.up = false;
  for (const listener of listeners) listener();
  probe = setInterval(() => fetch("healthz", { cache: "no-store" }).then(found, () => {}), PROBE_MS);
}

function found() {
  if (reach.up) return;
  reach.up = true;
  clearInterval(probe);
  for (const listener of listeners) listener();
}

setInterval(() => {
  if (reach.up && !document.hidden) fetch("healthz", { cache: "no-store" }).catch(lost);
}, HEARTBEAT_MS);
