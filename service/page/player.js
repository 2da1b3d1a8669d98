// The one clock: which moment of which run is shown, and whether time moves on. Everything that moves paints on its frames.

import { Network } from "./model.js";
import { indexAt } from "./run.js";

const RUN_SECONDS = 10; // a whole run, at normal speed
const TICK_MS = 200; // words and numbers change no faster than one can read
export const SPEEDS = [0.25, 0.5, 1, 2, 4];

const painters = new Set();
const tickers = new Set();
let asked = 0;
let stale = false; // words and numbers are those of another moment
let last = 0;
let lastTick = 0;

/** How long the last frames took, in milliseconds: from one to the next while playing, and to paint; and all there were. */
export const frames = { between: new Float32Array(2048), painting: new Float32Array(2048), count: 0, all: 0 };

/** Call `paint` on each frame in which something has changed. */
export const onFrame = (paint) => subscribe(painters, paint);
/** Call `listener` a few times a second while time moves, and when it stops. */
export const onTick = (listener) => subscribe(tickers, listener);

function subscribe(listeners, listener) {
  listeners.add(listener);
  changed();
  return () => listeners.delete(listener);
}

/** What is drawn is no longer right. */
export function repaint() {
  if (!asked) asked = requestAnimationFrame(frame);
}

/** The moment is another, or there is more of the run: neither what is drawn nor what is said is right any more. */
export function changed() {
  stale = true;
  repaint();
}

function frame(now) {
  asked = 0;
  frames.all++;
  const since = Math.min(now - last, 250);
  last = now;
  if (player.playing) player.advance(since);
  player.moment.show(player.run, player.at);
  const started = performance.now();
  for (const paint of painters) paint();
  if (player.playing) {
    const slot = frames.count++ % frames.between.length;
    frames.between[slot] = since;
    frames.painting[slot] = performance.now() - started;
    repaint();
  }
  if (player.playing ? now - lastTick > TICK_MS : stale) {
    lastTick = now;
    stale = false;
    for (const listener of tickers) listener();
  }
}

/** Both networks as they are at one moment; between two kept moments, what lies between their weights. */
class Moment {
  show(run, at) {
    if (run !== this.run) this.prepare(run);
    if (!run?.replayable) return;
    const before = indexAt(run.kept, at);
    const after = Math.min(before + 1, run.kept.length - 1);
    const gap = run.kept[after] - run.kept[before];
    const share = gap > 0 ? Math.min(Math.max((at - run.kept[before]) / gap, 0), 1) : 0;
    this.row = share < 0.5 ? before : after;
    this.D.blend(run.discriminators, before, after, share);
    if (run.pair) {
      this.G.blend(run.generators, before, after, share);
      this.fed[0] = run.config.latent_value;
      this.sample.set(this.G.run(this.fed));
    }
    this.fakeScore = this.D.run(this.sample)[0];
    this.realScore = this.D.run(run.centre)[0];
  }

  prepare(run) {
    this.run = run;
    if (!run) return;
    const hidden = run.config.hidden_size;
    this.D = new Network(run.width, hidden, 1);
    this.G = new Network(1, hidden, run.width);
    this.fed = new Float32Array(1);
    this.sample = new Float32Array(run.width).fill(0.5);
    this.row = 0;
  }
}

export const player = {
  run: null,
  at: 0,
  playing: false,
  live: false, // stays at the end of a run that is not over
  speed: 1,
  hover: null, // the iteration under the pointer, in all charts at once
  moment: new Moment(),

  show(run, at = run?.end ?? 0) {
    player.run = run;
    player.playing = false;
    player.live = Boolean(run && !run.ended);
    player.at = run ? Math.min(Math.max(at, 0), run.end) : 0;
    player.hover = null;
    player.moment.show(run, player.at);
    changed();
  },

  advance(milliseconds) {
    player.at += (player.run.end / RUN_SECONDS) * player.speed * (milliseconds / 1000);
    if (player.at >= player.run.end) {
      player.at = player.run.end;
      player.playing = false;
      stale = true;
      player.onrest?.();
    }
  },

  play() {
    if (!player.run?.end) return;
    if (player.at >= player.run.end) player.at = 0;
    player.playing = true;
    player.live = false;
    last = performance.now();
    changed();
  },

  /** Play from the start; for who would rather not see things move, show the end. */
  replay() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    player.at = still ? player.run.end : 0;
    if (still) changed();
    else player.play();
  },

  /** Stop at the kept moment that is nearest. */
  pause() {
    player.playing = false;
    player.seek(player.at);
  },

  toggle: () => (player.playing ? player.pause() : player.play()),

  seek(iteration) {
    if (!player.run) return;
    const { kept, end } = player.run;
    const before = indexAt(kept, iteration);
    const after = Math.min(before + 1, kept.length - 1);
    const nearest = iteration - kept[before] <= kept[after] - iteration ? before : after;
    player.at = kept.length ? kept[nearest] : 0;
    player.live = !player.run.ended && player.at >= end;
    changed();
    if (!player.playing) player.onrest?.();
  },

  /** So many kept moments on, or back. */
  step(count) {
    if (!player.run) return;
    player.playing = false;
    const { kept } = player.run;
    const place = indexAt(kept, player.at) + count;
    player.seek(kept[Math.min(Math.max(place, 0), kept.length - 1)]);
  },

  point(iteration) {
    if (player.hover === iteration) return;
    player.hover = iteration;
    changed();
  },
};
