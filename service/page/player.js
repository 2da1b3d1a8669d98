// Player: the current run and moment, playback, and the frames on which charts paint.

import { Cloud } from "./cloud.js";
import { Network } from "./model.js";
import { indexAt } from "./run.js";

const RUN_SECONDS = 10; // for a whole run at normal speed
const TICK_MS = 100; // between two updates of texts, so that they are readable
export const SPEEDS = [0.25, 0.5, 1, 2, 4];

const painters = new Set();
const tickers = new Set();
let requestedFrame = 0;
let stale = false; // whether texts show another moment
let lastFrame = 0;
let lastTick = 0;

/** Frame statistics in milliseconds: between two frames while playing, and painting time; `all` counts all frames. */
export const frames = { between: new Float32Array(2048), painting: new Float32Array(2048), count: 0, all: 0 };

/** Call `paint` on each frame with a change. */
export const onFrame = (paint) => subscribe(painters, paint);
/** Call `listener` a few times a second while playing, and after each other change. */
export const onTick = (listener) => subscribe(tickers, listener);

function subscribe(listeners, listener) {
  listeners.add(listener);
  invalidate();
  return () => listeners.delete(listener);
}

/** Request a frame that paints the charts. */
export function repaint() {
  if (!requestedFrame) requestedFrame = requestAnimationFrame(frame);
}

/** Request a frame that paints the charts and updates the texts. */
export function invalidate() {
  stale = true;
  repaint();
}

function frame(now) {
  requestedFrame = 0;
  frames.all++;
  const since = Math.min(now - lastFrame, 250);
  lastFrame = now;
  if (player.playing) player.advance(since);
  const due = player.playing ? now - lastTick > TICK_MS : stale;
  player.moment.show(player.run, player.at);
  if (due) player.moment.keep();
  const started = performance.now();
  for (const paint of painters) paint();
  if (player.playing) {
    const slot = frames.count++ % frames.between.length;
    frames.between[slot] = since;
    frames.painting[slot] = performance.now() - started;
    repaint();
  }
  if (due) {
    lastTick = now;
    stale = false;
    for (const listener of tickers) listener();
  }
}

/** Both networks at one moment, with weights interpolated between two snapshots. */
class Moment {
  show(run, at) {
    const isNew = run !== this.run;
    if (isNew) this.prepare(run);
    if (!run?.hasWeights) return;
    const before = indexAt(run.snapshotIterations, at);
    const after = Math.min(before + 1, run.snapshotIterations.length - 1);
    const gap = run.snapshotIterations[after] - run.snapshotIterations[before];
    const share = gap > 0 ? Math.min(Math.max((at - run.snapshotIterations[before]) / gap, 0), 1) : 0;
    this.row = share < 0.5 ? before : after;
    this.D.blend(run.discriminators, before, after, share);
    if (run.hasGenerator) {
      this.G.blend(run.generators, before, after, share);
      this.latent[0] = run.config.latent_value;
      this.sample.set(this.G.run(this.latent));
    }
    this.fakeScore = this.D.run(this.sample)[0];
    run.centres.forEach((centre, k) => (this.realScores[k] = this.D.run(centre)[0]));
    this.cloud?.outdate();
    if (isNew) this.keep();
  }

  /** Keep the values that all texts show until the next tick, also those in pictures. */
  keep() {
    if (this.run?.hasWeights) this.kept = { sample: this.sample.slice(), real: this.realScore, fake: this.fakeScore };
  }

  /** D's mean score of the centres of the real regions. */
  get realScore() {
    return this.realScores.reduce((sum, score) => sum + score, 0) / this.realScores.length;
  }

  prepare(run) {
    this.run = run;
    if (!run) return;
    const hidden = run.config.hidden_size;
    this.D = new Network(run.width, hidden, 1);
    this.G = new Network(1, hidden, run.width);
    this.latent = new Float32Array(1);
    this.sample = Float32Array.from({ length: run.width }, (_, k) => ((k + 1) * 0.618034 + 0.2) % 1); // D alone: a vector of noise, always the same
    this.realScores = new Float32Array(run.patterns.length);
    this.cloud = run.hasGenerator ? new Cloud(run, this.G) : null;
    this.row = 0;
  }
}

export const player = {
  run: null,
  at: 0,
  playing: false,
  live: false, // stays at the end of a running job, or until it has reached `goal`
  goal: Infinity,
  speed: 1,
  hover: null, // the iteration under the pointer, in all charts
  moment: new Moment(),

  show(run, at = Infinity) {
    player.run = run;
    player.playing = false;
    player.live = Boolean(run && !run.ended && at >= run.end);
    player.goal = at;
    player.at = run ? Math.min(Math.max(at, 0), run.end) : 0;
    player.hover = null;
    player.moment.show(run, player.at);
    invalidate();
  },

  /** Move on to the end of the run, which has grown, if the player follows it. */
  followEnd() {
    if (!player.live) return;
    player.at = Math.min(player.run.end, player.goal);
    player.live = !player.run.ended && player.run.end <= player.goal;
  },

  advance(milliseconds) {
    player.at += (player.run.end / RUN_SECONDS) * player.speed * (milliseconds / 1000);
    if (player.at >= player.run.end) {
      player.at = player.run.end;
      player.playing = false;
      stale = true;
      player.onStop?.();
    }
  },

  play() {
    if (!player.run?.end) return;
    if (player.at >= player.run.end) player.at = 0;
    player.playing = true;
    player.live = false;
    lastFrame = performance.now();
    invalidate();
  },

  /** Play from the start, or show the end if the user prefers reduced motion. */
  replay() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    player.at = still ? player.run.end : 0;
    if (still) invalidate();
    else player.play();
  },

  /** Stop at the nearest snapshot. */
  pause() {
    player.playing = false;
    player.seek(player.at);
  },

  toggle: () => (player.playing ? player.pause() : player.play()),

  seek(iteration) {
    if (!player.run) return;
    const { snapshotIterations, end } = player.run;
    const before = indexAt(snapshotIterations, iteration);
    const after = Math.min(before + 1, snapshotIterations.length - 1);
    const nearest = iteration - snapshotIterations[before] <= snapshotIterations[after] - iteration ? before : after;
    player.at = snapshotIterations.length ? snapshotIterations[nearest] : 0;
    player.live = !player.run.ended && player.at >= end;
    player.goal = Infinity;
    invalidate();
    if (!player.playing) player.onStop?.();
  },

  /** Move by so many snapshots. */
  step(count) {
    if (!player.run) return;
    player.playing = false;
    const { snapshotIterations } = player.run;
    const place = indexAt(snapshotIterations, player.at) + count;
    player.seek(snapshotIterations[Math.min(Math.max(place, 0), snapshotIterations.length - 1)]);
  },

  setHover(iteration) {
    if (player.hover === iteration) return;
    player.hover = iteration;
    invalidate();
  },
};
