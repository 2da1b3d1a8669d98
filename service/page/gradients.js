// Training steps by formula: losses, gradients, and an iteration of a run with its own random numbers.

import { Network, realRange } from "./model.js";

const REAL = 2; // streams of random numbers
const LATENT = 4;
const GENERATOR_LATENT = 5;
const PATTERN = 6;
const LOW = 0xffffffffn;

/** Philox4x32-10: four random words of 32 bits from their place and the seed. */
function philox(seed, stream, iteration, block) {
  let [c0, c1, c2, c3] = [iteration, 0, stream, block].map(BigInt);
  let [k0, k1] = [BigInt(seed) & LOW, BigInt(seed) >> 32n];
  for (let round = 0; round < 10; round++) {
    const [even, odd] = [c0 * 0xd2511f53n, c2 * 0xcd9e8d57n];
    [c0, c1, c2, c3] = [(odd >> 32n) ^ c1 ^ k0, odd & LOW, (even >> 32n) ^ c3 ^ k1, even & LOW];
    [k0, k1] = [(k0 + 0x9e3779b9n) & LOW, (k1 + 0xbb67ae85n) & LOW];
  }
  return [c0, c1, c2, c3];
}

/** The draws of a stream for an iteration, uniform between 0 and 1. */
function uniforms(seed, stream, iteration, count) {
  const words = Array.from({ length: Math.ceil(count / 4) }, (_, block) => philox(seed, stream, iteration, block));
  return words.flat().slice(0, count).map((word) => Number(word >> 8n) * 2 ** -24);
}

// Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), highest power first.
const CENTRE = [2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941];
const TAIL = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682];

/** Turn a uniform draw into a normal one. */
function normal(draw) {
  const x = 2 * draw - 1 + 2 ** -24;
  const w = -Math.log((1 - x) * (1 + x));
  const [powers, at] = w < 5 ? [CENTRE, w - 2.5] : [TAIL, Math.sqrt(w) - 3];
  return powers.reduce((sum, factor) => sum * at + factor) * x * Math.SQRT2;
}

/** The vectors that an iteration trains on, as the run has drawn them: real data and latents of each step of D, latents of G. */
export function drawsOf(config, patterns, iteration) {
  const { seed, spread, latent, latent_value: constant, batch_size: batch, discriminator_steps: steps } = config;
  const width = patterns[0].length;
  const count = steps * batch;
  const draws = (stream, places) => uniforms(seed, stream, iteration - 1, places);
  const picks = patterns.length > 1 ? draws(PATTERN, count) : new Array(count).fill(0);
  const places = draws(REAL, count * width);
  const real = picks.map((pick, n) => realRange(patterns[Math.floor(pick * patterns.length)], spread).map(([low, high], i) => low + (high - low) * places[n * width + i]));
  const latents = (stream, places) => (latent === "constant" ? new Array(places).fill(constant) : draws(stream, places).map((draw) => (latent === "normal" ? normal(draw) : draw))).map((value) => [value]);
  const split = (all) => Array.from({ length: steps }, (_, step) => all.slice(step * batch, (step + 1) * batch));
  return { real: split(real), latents: split(latents(LATENT, count)), generator: latents(GENERATOR_LATENT, batch) };
}

/** The loss of a score and its derivative, limited as in PyTorch. With `sign` -1, G raises the loss of D. */
export function lossOf(loss, score, target, sign = 1) {
  if (loss === "mse") return { loss: (score - target) ** 2, slope: 2 * (score - target) };
  const log = Math.max(Math.log(target ? score : 1 - score), -100);
  return { loss: sign * -log, slope: (sign * (score - target)) / Math.max(score * (1 - score), 1e-12) };
}

/** Backpropagate the derivatives of a network's outputs, after a run on this input: to its weights and its input. */
export function backward(net, input, errors) {
  const { weights, hidden, out, inputs } = net;
  const gradient = new Float64Array(weights.length);
  const below = new Float64Array(hidden.length);
  const back = new Float64Array(inputs);
  out.forEach((value, o) => {
    const error = errors[o] * value * (1 - value);
    gradient[net.outputBias + o] = error;
    hidden.forEach((unit, h) => {
      gradient[net.outputWeights + o * hidden.length + h] = error * unit;
      below[h] += error * net.outputWeight(o, h);
    });
  });
  hidden.forEach((unit, h) => {
    const error = below[h] * unit * (1 - unit);
    gradient[net.hiddenBias + h] = error;
    for (let i = 0; i < inputs; i++) {
      gradient[h * inputs + i] = error * input[i];
      back[i] += error * net.inputWeight(h, i);
    }
  });
  return { gradient, back };
}

/** R1 for a real vector, r1 / 2 times the squared slope of D before its last sigmoid, and its gradient. */
function penalty(D, vector, r1) {
  const { hidden, inputs } = D;
  const gradient = new Float64Array(D.weights.length);
  const bend = hidden.map((unit) => unit * (1 - unit));
  const slopes = vector.map((_, i) => bend.reduce((sum, value, h) => sum + D.outputWeight(0, h) * value * D.inputWeight(h, i), 0));
  hidden.forEach((unit, h) => {
    const along = r1 * slopes.reduce((sum, slope, i) => sum + slope * D.inputWeight(h, i), 0);
    const weight = D.outputWeight(0, h);
    const turn = along * weight * bend[h] * (1 - 2 * unit);
    gradient[D.outputWeights + h] = along * bend[h];
    gradient[D.hiddenBias + h] = turn;
    for (let i = 0; i < inputs; i++) gradient[h * inputs + i] = turn * vector[i] + r1 * slopes[i] * weight * bend[h];
  });
  return { value: (r1 / 2) * slopes.reduce((sum, slope) => sum + slope * slope, 0), gradient };
}

/** A network of the same sizes with these weights, in double precision. */
function copy({ inputs, hidden, outputs }, weights) {
  const net = new Network(inputs, hidden.length ?? hidden, outputs, Float64Array);
  net.weights.set(weights);
  return net;
}

const add = (sum, values, share) => values.forEach((value, k) => (sum[k] += share * value));

/** A training step. `name` is real, fake or generator; a batch has vectors, or latents of G. What is shown is of the first of them. */
export function trainingStep(name, config, D, G, batch) {
  const learner = name === "generator" ? G : D;
  const target = name === "fake" || (name === "generator" && config.loss === "minimax") ? 0 : 1;
  const sign = name === "generator" && !target ? -1 : 1;
  const share = 1 / batch.length;
  const gradients = { D: new Float64Array(D.weights.length), G: G && new Float64Array(G.weights.length) };
  let loss = 0;
  let first;
  for (const input of batch) {
    const vector = name === "real" ? input : [...G.run(input)];
    const score = D.run(vector)[0];
    const one = lossOf(config.loss, score, target, sign);
    const { gradient, back } = backward(D, vector, [one.slope]);
    first ??= { vector, input, score, slope: one.slope, back, hiddenD: [...D.hidden], hiddenG: name === "real" ? null : [...G.hidden] };
    loss += share * one.loss;
    add(gradients.D, gradient, share);
    if (name === "generator") add(gradients.G, backward(G, input, back).gradient, share);
    if (name !== "real" || !config.r1) continue;
    const extra = penalty(D, vector, config.r1);
    loss += share * extra.value;
    add(gradients.D, extra.gradient, share);
  }
  const gradient = learner === D ? gradients.D : gradients.G;
  const rate = learner === D ? config.learning_rate : config.generator_learning_rate;
  const step = { name, target, loss, ...first, gradients, gradient, rate, D, G, learner, afterD: D, afterG: G };
  if (config.optimizer !== "sgd") return step;
  const after = copy(learner, learner.weights.map((weight, k) => weight - rate * gradient[k]));
  step.after = after;
  step[learner === D ? "afterD" : "afterG"] = after;
  step.scoreAfter = learner === D ? after.run(first.vector)[0] : D.run(after.run(first.input))[0];
  return step;
}

/** The last steps of an iteration: D on real data, D on a fake, G. */
function iterationOf(run, D, G, iteration) {
  const draws = drawsOf(run.config, run.patterns, iteration);
  let steps;
  draws.real.forEach((real, k) => {
    const onReal = trainingStep("real", run.config, D, G, real);
    const onFake = trainingStep("fake", run.config, onReal.afterD, G, draws.latents[k]);
    D = onFake.afterD;
    steps = [onReal, onFake];
  });
  return { iteration, steps: [...steps, trainingStep("generator", run.config, D, G, draws.generator)] };
}

/** The iterations after a snapshot of a run, computed when they are first read. */
export class Iterations {
  constructor(run, row) {
    const { discriminators, generators, width, config } = run;
    const network = (inputs, outputs, rows) => {
      const size = Network.size(inputs, config.hidden_size, outputs);
      return copy({ inputs, hidden: config.hidden_size, outputs }, rows.subarray(row * size, (row + 1) * size));
    };
    this.run = run;
    this.row = row;
    this.first = run.snapshotIterations[row] + 1;
    this.D = network(width, 1, discriminators);
    this.G = network(1, width, generators);
    this.known = [];
  }

  at(offset) {
    while (this.known.length <= offset) {
      const last = this.known.at(-1)?.steps[2];
      this.known.push(iterationOf(this.run, last?.afterD ?? this.D, last?.afterG ?? this.G, this.first + this.known.length));
    }
    return this.known[offset];
  }
}
