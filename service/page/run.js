// One run as the page keeps it: its job, its losses and its kept weights, all in typed arrays that grow.

import { api } from "./api.js";
import { Network, drawWeights, realCentre } from "./model.js";

const MOST_POINTS = 20_000; // asked for at once; a longer history comes thinned
const MOST_WEIGHTS = 6_000_000; // numbers; past it the page would grow by hundreds of megabytes
export const ENDED = new Set(["succeeded", "failed", "cancelled"]);
export const LOSSES = { real: "discriminator_real_loss", fake: "discriminator_fake_loss", generator: "generator_loss" };

/** Numbers that are added at the end. */
class Growing {
  constructor() {
    this.room = new Float64Array(1024);
    this.length = 0;
  }

  push(more) {
    const needed = this.length + more.length;
    if (needed > this.room.length) {
      const larger = new Float64Array(Math.max(needed, 2 * this.room.length));
      larger.set(this.room.subarray(0, this.length));
      this.room = larger;
    }
    this.room.set(more, this.length);
    this.length = needed;
  }

  get values() {
    return this.room.subarray(0, this.length);
  }
}

export class Run {
  constructor(job) {
    this.job = job;
    this.config = job.config;
    this.width = job.config.pattern.length;
    this.ones = Uint8Array.from(job.config.pattern);
    this.pair = job.config.experiment === "gan";
    this.equilibrium = job.config.loss === "mse" ? 0.25 : Math.LN2;
    this.points = { iteration: new Growing(), real: new Growing(), fake: new Growing(), generator: new Growing() };
    this.after = 0;
    this.cut = false; // whether its end could not be had
    this.version = 0; // rises with each point or snapshot, so that charts know when to draw anew
    this.kept = new Float64Array(0);
    this.centre = realCentre(this.config.pattern, this.config.spread);
  }

  /** The run of a job, with all that there is of it by now. */
  static async load(id) {
    const run = new Run(await api.job(id));
    await Promise.all([run.loadPoints(), run.loadSnapshots()]);
    return run;
  }

  /** Two networks that nobody has trained, as they are before the first run. */
  static untrained() {
    const config = { experiment: "gan", pattern: "1010", spread: 0.2, hidden_size: 3, loss: "mse", latent: "constant", latent_value: 0.5 };
    const run = new Run({ id: "", status: "untrained", config: { ...config, iterations: 0 }, iteration: 0, iterations: 0, result: null });
    run.keep({ iterations: [0], weights: { generator: [drawWeights(1, 3, 4)], discriminator: [drawWeights(4, 3, 1)] } });
    return run;
  }

  get ended() {
    return ENDED.has(this.job.status) || !this.job.id;
  }

  /** The last iteration that there is something to see of. */
  get end() {
    return this.kept.length ? this.kept[this.kept.length - 1] : 0;
  }

  /** Whether there are weights to draw any moment from. */
  get replayable() {
    return Boolean(this.discriminators);
  }

  async loadPoints() {
    const answer = await api.progress(this.job.id, `after=${this.after}&max_points=${MOST_POINTS}`);
    this.append(answer.series);
    this.after = answer.next_after;
    return answer;
  }

  append(series) {
    const { iteration } = this.points;
    const last = iteration.length ? iteration.room[iteration.length - 1] : 0;
    const skip = series.iteration.findIndex((value) => value > last);
    if (skip < 0) return;
    iteration.push(series.iteration.slice(skip));
    for (const [name, long] of Object.entries(LOSSES)) {
      if (series[long]?.length) this.points[name].push(series[long].slice(skip));
    }
    this.after = Math.max(this.after, series.iteration.at(-1));
    this.version++;
  }

  async loadSnapshots() {
    const { hidden_size: hidden, iterations, snapshot_every: every } = this.config;
    const each = Network.size(this.width, hidden, 1) + Network.size(1, hidden, this.width);
    const weights = each * (iterations / every + 2) < MOST_WEIGHTS;
    this.keep(await api.snapshots(this.job.id, weights));
  }

  keep({ iterations, samples, weights }) {
    if (iterations.length < this.kept.length) return; // a later look was answered before
    this.kept = Float64Array.from(iterations);
    if (weights?.discriminator.length) {
      this.discriminators = flat(weights.discriminator);
      this.generators = this.pair ? flat(weights.generator) : null;
      this.judge();
    } else if (samples) this.samples = flat(samples);
    this.version++;
  }

  /** What G made, and what D said to real data and to fakes, at each kept moment. */
  judge() {
    const { hidden_size: hidden, latent_value: latent } = this.config;
    const D = new Network(this.width, hidden, 1);
    const G = new Network(1, hidden, this.width);
    const noise = new Float32Array(this.width).fill(0.5);
    this.samples = new Float32Array(this.kept.length * this.width);
    this.realScores = new Float32Array(this.kept.length);
    this.fakeScores = new Float32Array(this.kept.length);
    for (let n = 0; n < this.kept.length; n++) {
      D.blend(this.discriminators, n, n, 0);
      if (this.pair) G.blend(this.generators, n, n, 0);
      const fake = this.pair ? G.run([latent]) : noise;
      this.samples.set(fake, n * this.width);
      this.fakeScores[n] = D.run(fake)[0];
      this.realScores[n] = D.run(this.centre)[0];
    }
  }
}

function flat(rows) {
  const out = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  rows.forEach((row, n) => out.set(row, n * row.length));
  return out;
}

/** The place of the last value that is not above `wanted`, in rising values; 0 if there is none. */
export function indexAt(values, wanted) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
