// Run: a job with its losses and the weights of its snapshots, in typed arrays.

import { api } from "./api.js";
import { Network, drawWeights, patternsOf, realCentre } from "./model.js";

const MAX_POINTS = 20_000; // per request; the service thins longer histories
const MAX_WEIGHTS = 6_000_000; // numbers; more would take hundreds of megabytes
export const ENDED = new Set(["succeeded", "failed", "cancelled"]);
export const LOSSES = { real: "discriminator_real_loss", fake: "discriminator_fake_loss", generator: "generator_loss" };

/** A typed array that grows. */
class GrowingArray {
  constructor() {
    this.buffer = new Float64Array(1024);
    this.length = 0;
  }

  push(more) {
    const needed = this.length + more.length;
    if (needed > this.buffer.length) {
      const larger = new Float64Array(Math.max(needed, 2 * this.buffer.length));
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
    this.buffer.set(more, this.length);
    this.length = needed;
  }

  get values() {
    return this.buffer.subarray(0, this.length);
  }
}

export class Run {
  constructor(job) {
    this.job = job;
    this.config = job.config;
    this.patterns = patternsOf(job.config.pattern);
    this.width = this.patterns[0].length;
    this.hasGenerator = job.config.experiment === "gan";
    this.points = { iteration: new GrowingArray(), real: new GrowingArray(), fake: new GrowingArray(), generator: new GrowingArray() };
    this.after = 0;
    this.incomplete = false; // whether loading its final state failed
    this.version = 0; // rises with each new point or snapshot, so that charts can cache
    this.snapshotIterations = new Float64Array(0);
    this.centres = this.patterns.map((pattern) => realCentre(pattern, this.config.spread));
  }

  /** Load a job with its losses and snapshots. */
  static async load(id) {
    const run = new Run(await api.job(id));
    await Promise.all([run.loadPoints(), run.loadSnapshots()]);
    return run;
  }

  /** A run of two untrained networks, shown before the first training; the article's, if no settings are given. */
  static untrained(settings) {
    const config = { experiment: "gan", pattern: "1010", spread: 0.2, hidden_size: 3, loss: "mse", latent: "constant", latent_value: 0.5, ...settings };
    const run = new Run({ id: "", status: "untrained", config: { ...config, iterations: 0 }, iteration: 0, iterations: 0, result: null });
    run.setSnapshots({ iterations: [0], weights: { generator: [drawWeights(1, config.hidden_size, run.width)], discriminator: [drawWeights(run.width, config.hidden_size, 1)] } });
    return run;
  }

  get ended() {
    return ENDED.has(this.job.status) || !this.job.id;
  }

  /** The value of a loss while D can only guess. With minimax, G's is ln(1 - D), below 0. */
  equilibriumOf(loss) {
    if (this.config.loss === "mse") return 0.25;
    return this.config.loss === "minimax" && loss === "generator" ? -Math.LN2 : Math.LN2;
  }

  /** Whether G may make several samples that differ: it is fed many latents, or has several patterns to learn. */
  get varies() {
    return this.hasGenerator && (this.patterns.length > 1 || this.config.latent !== "constant");
  }

  /** The iteration of the last snapshot. */
  get end() {
    return this.snapshotIterations.length ? this.snapshotIterations[this.snapshotIterations.length - 1] : 0;
  }

  /** Whether the weights of the snapshots are loaded. */
  get hasWeights() {
    return Boolean(this.discriminators);
  }

  async loadPoints(most = MAX_POINTS) {
    const response = await api.progress(this.job.id, `after=${this.after}&max_points=${most}`);
    this.append(response.series);
    this.after = response.next_after;
    return response;
  }

  append(series) {
    const { iteration } = this.points;
    const last = iteration.length ? iteration.buffer[iteration.length - 1] : 0;
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
    const weights = each * (iterations / every + 2) < MAX_WEIGHTS;
    this.setSnapshots(await api.snapshots(this.job.id, weights));
  }

  setSnapshots({ iterations, samples, weights }) {
    if (iterations.length < this.snapshotIterations.length) return; // the response is older than the current snapshots
    this.snapshotIterations = Float64Array.from(iterations);
    if (weights?.discriminator.length) {
      this.discriminators = flat(weights.discriminator);
      this.generators = this.hasGenerator ? flat(weights.generator) : null;
      this.sampleSnapshots();
    } else if (samples) this.samples = flat(samples);
    this.version++;
  }

  /** Compute G's sample at each snapshot. */
  sampleSnapshots() {
    const { hidden_size: hidden, latent_value: latent } = this.config;
    const G = new Network(1, hidden, this.width);
    this.samples = new Float32Array(this.snapshotIterations.length * this.width).fill(0.5);
    for (let n = 0; this.hasGenerator && n < this.snapshotIterations.length; n++) {
      G.blend(this.generators, n, n, 0);
      this.samples.set(G.run([latent]), n * this.width);
    }
  }
}

function flat(rows) {
  const out = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  rows.forEach((row, n) => out.set(row, n * row.length));
  return out;
}

/** The index of the last value that is at most `limit`, in rising values; 0 if there is none. */
export function indexAt(values, limit) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
