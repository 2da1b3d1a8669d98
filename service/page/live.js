// A run that is not over: its points as server-sent events, its weights now and then, until it ends.

import { api, lost, Unreachable } from "./api.js";
import { player, changed } from "./player.js";

const WEIGHTS_MS = 1000; // between two looks at the kept weights, or ten times as long as such a look takes
let stream = null;
let weights = 0;

/** Let the run grow as the service trains it; `tell` after each change of its status. */
export function follow(run, tell) {
  unfollow();
  const source = new EventSource(`jobs/${run.job.id}/events`);
  stream = source;
  source.addEventListener("progress", (event) => {
    const news = JSON.parse(event.data);
    run.append(news.series);
    run.job = { ...run.job, iteration: news.iteration };
    changed();
  });
  source.addEventListener("status", (event) => {
    run.job = JSON.parse(event.data);
    tell();
  });
  source.addEventListener("end", (event) => {
    run.job = JSON.parse(event.data);
    finish(run, tell);
  });
  source.addEventListener("error", () => {
    if (source !== stream) return;
    if (source.readyState === EventSource.CLOSED) finish(run, tell); // 204: it has ended meanwhile
    else lost(); // EventSource comes back by itself, and asks for what it missed
  });
  lookAtWeights(run, tell);
}

/** Take what is there at the end. */
async function finish(run, tell) {
  unfollow();
  try {
    run.job = await api.job(run.job.id);
    if (!run.ended) {
      setTimeout(() => player.run === run && !stream && follow(run, tell), WEIGHTS_MS); // something else has ended the stream
      return;
    }
    await Promise.all([run.loadPoints(), run.loadSnapshots()]);
  } catch (error) {
    run.cut = error instanceof Unreachable; // the banner says it; when the service is back, the run is opened anew
  }
  if (player.run === run && player.live) {
    player.live = false;
    player.at = run.end;
  }
  changed();
  tell();
}

export function unfollow() {
  stream?.close();
  stream = null;
  clearTimeout(weights);
}

async function lookAtWeights(run, tell) {
  const source = stream;
  const started = performance.now();
  try {
    await run.loadSnapshots();
    if (player.run === run && player.live) player.at = run.end;
    changed();
    tell();
  } catch {
    // the banner says it, and the next look may do better
  }
  if (source !== stream) return;
  const took = performance.now() - started;
  weights = setTimeout(() => lookAtWeights(run, tell), Math.max(WEIGHTS_MS, 10 * took));
}
