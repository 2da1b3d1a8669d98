// HTTP client of the service, with problem responses as errors and the state of the connection.

const PROBE_MS = 1000;
const HEARTBEAT_MS = 5000;
const listeners = new Set();
let probe = 0;

/** A problem response (RFC 9457). */
export class ProblemError extends Error {
  constructor(body, status) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.slug = body.type?.split("/").at(-1);
    this.errors = body.errors ?? [];
  }
}

/** The service did not respond. */
export class UnreachableError extends Error {}

export const connection = {
  up: true,
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Send a request and return the response, of whatever type. */
export async function sendRequest(path, { method = "GET", body, headers = {}, ...options } = {}) {
  if (body !== undefined) headers = { ...headers, "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, ...options, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    markUnreachable();
    throw new UnreachableError(path);
  }
  markReachable();
  if (!response.ok) throw new ProblemError(await response.json().catch(() => ({})), response.status);
  return response;
}

const json = async (path, options) => (await sendRequest(path, options)).json();

export const api = {
  presets: () => json("presets"),
  jobs: (query = "limit=50") => json(`jobs?${query}`),
  job: (id, wait = 0) => json(`jobs/${id}${wait ? `?wait=${wait}` : ""}`),
  train: (settings, wait = 0, key = "") => json(`train${wait ? `?wait=${wait}` : ""}`, { method: "POST", body: settings, headers: key ? { "Idempotency-Key": key } : {} }),
  act: (id, action) => json(`jobs/${id}/${action}`, { method: "POST" }),
  edit: (id, changes) => json(`jobs/${id}`, { method: "PATCH", body: changes }),
  remove: (ids) => json(`jobs?id=${ids.join("&id=")}`, { method: "DELETE", keepalive: true }), // also when the page is left
  progress: (id, query) => json(`jobs/${id}/progress?${query}`),
  snapshots: (id, weights) => json(`jobs/${id}/snapshots?weights=${weights}`),
  script: async (id) => (await sendRequest(`jobs/${id}/script.py?draws=same`)).text(),
  sweep: (plan) => json("sweeps", { method: "POST", body: plan }),
  sweepResults: (id) => json(`sweeps/${id}/results`),
  sweepMembers: (id, query) => json(`sweeps/${id}/members?${query}`),
  cluster: () => json("cluster"),
  trainMember: (id, index) => json(`sweeps/${id}/members/${index}/train`, { method: "POST" }),
};

/** Show that the service is unreachable, and check every second until it responds. */
export function markUnreachable() {
  if (!connection.up) return;
  connection.up = false;
  for (const listener of listeners) listener();
  probe = setInterval(() => fetch("healthz", { cache: "no-store" }).then(markReachable, () => {}), PROBE_MS);
}

function markReachable() {
  if (connection.up) return;
  connection.up = true;
  clearInterval(probe);
  for (const listener of listeners) listener();
}

setInterval(() => {
  if (connection.up && !document.hidden) fetch("healthz", { cache: "no-store" }).catch(markUnreachable);
}, HEARTBEAT_MS);
