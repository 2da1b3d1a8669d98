// Live updates of a running job: losses as server-sent events, weights by polling.

import { api, markUnreachable, UnreachableError } from "./api.js";
import { player, invalidate } from "./player.js";

const WEIGHTS_MS = 1000; // between two polls, or ten times as long as a poll takes
let stream = null;
let weights = 0;

/** Update a run while the service trains it; call `notify` after each change of its status. */
export function follow(run, notify) {
  unfollow();
  const source = new EventSource(`jobs/${run.job.id}/events`);
  stream = source;
  source.addEventListener("progress", (event) => {
    const update = JSON.parse(event.data);
    run.append(update.series);
    run.job = { ...run.job, iteration: update.iteration };
    invalidate();
  });
  source.addEventListener("status", (event) => {
    run.job = JSON.parse(event.data);
    notify();
    pollWeights(run, notify); // a paused run has saved its last ones
  });
  source.addEventListener("end", (event) => {
    run.job = JSON.parse(event.data);
    finish(run, notify);
  });
  source.addEventListener("error", () => {
    if (source !== stream) return;
    if (source.readyState === EventSource.CLOSED) finish(run, notify); // 204: the job has ended
    else markUnreachable(); // EventSource reconnects by itself and requests the missed events
  });
  pollWeights(run, notify);
}

/** Load the final state of a run. */
async function finish(run, notify) {
  unfollow();
  try {
    run.job = await api.job(run.job.id);
    if (!run.ended) {
      setTimeout(() => player.run === run && !stream && follow(run, notify), WEIGHTS_MS); // the stream ended for another reason
      return;
    }
    await Promise.all([run.loadPoints(), run.loadSnapshots()]);
  } catch (error) {
    run.incomplete = error instanceof UnreachableError; // a banner is visible; the run is reloaded when the service is reachable again
  }
  if (player.run === run) player.followEnd();
  invalidate();
  notify();
}

export function unfollow() {
  stream?.close();
  stream = null;
  clearTimeout(weights);
}

async function pollWeights(run, notify) {
  const source = stream;
  const started = performance.now();
  try {
    await run.loadSnapshots();
    if (player.run === run) player.followEnd();
    invalidate();
    notify();
  } catch {
    // a banner is visible, and the next poll may succeed
  }
  if (source !== stream) return;
  const duration = performance.now() - started;
  clearTimeout(weights);
  weights = setTimeout(() => pollWeights(run, notify), Math.max(WEIGHTS_MS, 10 * duration));
}
