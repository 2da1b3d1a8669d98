// Cloud: what G makes at a moment for latents drawn as in training, and which patterns the samples belong to.

import { Network, realRange } from "./model.js";

const SAMPLES = 256;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Latents spread as in training, the same at each moment; a constant latent gives one. */
function drawLatents({ latent, latent_value: value }) {
  if (latent === "constant") return [value];
  const levels = Array.from({ length: SAMPLES }, (_, k) => (k + 0.5) / SAMPLES);
  if (latent === "uniform") return levels;
  return levels.map((level, k) => Math.sqrt(-2 * Math.log(level)) * Math.cos(2 * Math.PI * GOLDEN * k)); // Box and Muller
}

/** The samples of a moment, computed when they are first read. */
export class Cloud {
  constructor(run, G) {
    this.G = G;
    this.probe = new Network(1, run.config.hidden_size, run.width);
    this.latents = drawLatents(run.config);
    this.values = new Float32Array(this.latents.length * run.width);
    this.counts = new Uint16Array(run.patterns.length);
    this.ranges = run.patterns.map((pattern) => realRange(pattern, run.config.spread));
  }

  outdate() {
    this.current = false;
  }

  update() {
    if (this.current) return;
    this.current = true;
    this.probe.weights.set(this.G.weights);
    this.counts.fill(0);
    const input = [0];
    this.latents.forEach((latent, n) => {
      input[0] = latent;
      const sample = this.probe.run(input);
      this.values.set(sample, n * sample.length);
      const pattern = this.patternOf(sample);
      if (pattern >= 0) this.counts[pattern]++;
    });
  }

  /** The number of the pattern that a sample belongs to, whose real ranges contain all its values; -1 if there is none. */
  patternOf(sample) {
    return this.ranges.findIndex((range) => range.every(([low, high], i) => sample[i] >= low && sample[i] <= high));
  }

  /** The samples, one after the other. */
  get samples() {
    this.update();
    return this.values;
  }

  /** The share of the samples that belong to each pattern. */
  get shares() {
    this.update();
    return Array.from(this.counts, (count) => count / this.latents.length);
  }
}
