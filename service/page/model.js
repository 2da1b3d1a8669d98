// Networks: Linear, sigmoid, Linear, sigmoid, with flat weights as the service stores them.

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** A network with one hidden layer. Each `run` overwrites its arrays. */
export class Network {
  constructor(inputs, hidden, outputs, Numbers = Float32Array) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.hidden = new Numbers(hidden);
    this.out = new Numbers(outputs);
    this.weights = new Numbers(Network.size(inputs, hidden, outputs));
    // Where each tensor starts: 0.weight (hidden, inputs), 0.bias, 2.weight (outputs, hidden), 2.bias.
    this.hiddenBias = hidden * inputs;
    this.outputWeights = this.hiddenBias + hidden;
    this.outputBias = this.outputWeights + outputs * hidden;
  }

  static size(inputs, hidden, outputs) {
    return hidden * (inputs + 1) + outputs * (hidden + 1);
  }

  /** Weight from input i to hidden unit h. */
  inputWeight(h, i) {
    return this.weights[h * this.inputs + i];
  }

  /** Weight from hidden unit h to output o. */
  outputWeight(o, h) {
    return this.weights[this.outputWeights + o * this.hidden.length + h];
  }

  run(input) {
    const { weights, hidden, out, inputs } = this;
    for (let h = 0; h < hidden.length; h++) {
      let sum = weights[this.hiddenBias + h];
      for (let i = 0; i < inputs; i++) sum += weights[h * inputs + i] * input[i];
      hidden[h] = sigmoid(sum);
    }
    return this.finish();
  }

  /** Compute the second layer from the current hidden values. */
  finish() {
    const { weights, hidden, out } = this;
    for (let o = 0; o < out.length; o++) {
      let sum = weights[this.outputBias + o];
      for (let h = 0; h < hidden.length; h++) sum += weights[this.outputWeights + o * hidden.length + h] * hidden[h];
      out[o] = sigmoid(sum);
    }
    return out;
  }

  /** Interpolate the weights: `share` of the way from row `a` to row `b`. */
  blend(rows, a, b, share) {
    const size = this.weights.length;
    for (let k = 0; k < size; k++) {
      const from = rows[a * size + k];
      this.weights[k] = from + share * (rows[b * size + k] - from);
    }
  }
}

/** The patterns of a setting such as 1010+0101; real data picks one of them, each equally likely. */
export const patternsOf = (setting) => setting.split("+");

/** The lowest and the highest real value at each place of one pattern. */
export function realRange(pattern, spread) {
  return [...pattern].map((bit) => (bit === "1" ? [1 - spread, 1] : [0, spread]));
}

/** The centre of a pattern's real region. */
export const realCentre = (pattern, spread) => Float32Array.from(realRange(pattern, spread), ([low, high]) => (low + high) / 2);

/** Draw a vector of real data of a pattern. */
export const drawReal = (pattern, spread) => realRange(pattern, spread).map(([low, high]) => low + Math.random() * (high - low));

/** Draw initial weights as torch.nn.Linear does. */
export function drawWeights(inputs, hidden, outputs) {
  const part = (count, fanIn) => Array.from({ length: count }, () => (Math.random() * 2 - 1) / Math.sqrt(fanIn));
  return [...part(hidden * (inputs + 1), inputs), ...part(outputs * (hidden + 1), hidden)];
}
