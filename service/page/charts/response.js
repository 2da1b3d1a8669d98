// Response chart: G's output over its latent, a line for each place, and below them the pattern that each latent gives.

import { Network } from "../model.js";
import { player } from "../player.js";
import { theme } from "../theme.js";
import { fine, short, t } from "../words.js";
import { font, haloed, hatch, line, Picture, text } from "./picture.js";

const STEPS = 96;
const PROBES = 8;
const LEFT = 34;
const BOTTOM = 34;
const EDGE = 22;
const STRIP = 22;
const APART = 14; // between two labels of lines
const SAME = 9; // lines that are so near share a label
const MAX_LABELLED = 8; // lines
export const MAX_IGNORED_CHANGE = 0.05; // an output that changes less over all latents counts as independent of them

/** The word for a sample that belongs to no pattern. */
export const nothing = (run) => t(run.patterns.length === 2 ? "made.neither" : "made.none");

/** The range of latents in training. */
export const latentRange = (config) => (config.latent === "normal" ? [-3, 3] : [0, 1]);

/** G's outputs for latents from low to high, computed without changing the moment. */
function outputsFor({ G: { weights, outputs } }, config, [low, high], steps) {
  const G = new Network(1, config.hidden_size, outputs);
  G.weights.set(weights);
  return Array.from({ length: steps + 1 }, (_, k) => [...G.run([low + (k / steps) * (high - low)])]);
}

export const sampleAt = (moment, latent, config) => outputsFor(moment, config, [latent, latent], 1)[0];

/** The largest change of an output over the latents of training, at the current moment. */
export function reaction(moment, config) {
  if (!moment.G) return 0;
  const outputs = outputsFor(moment, config, latentRange(config), PROBES);
  return Math.max(...outputs[0].map((_, i) => Math.max(...outputs.map((out) => out[i])) - Math.min(...outputs.map((out) => out[i]))));
}

export class Response extends Picture {
  describe() {
    const { run, moment } = player;
    if (!run?.hasWeights || !run.hasGenerator || !moment.G) return t("response.none");
    const most = reaction(moment, run.config);
    const [low, high] = latentRange(run.config).map((end) => short(end));
    return t(most < MAX_IGNORED_CHANGE ? "response.ignores" : "response.reacts", { most: fine(most, 3), low, high });
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !run.hasGenerator || !moment.G) return;
    const [low, high] = latentRange(run.config);
    const right = run.width > MAX_LABELLED ? 12 : 14 + 13 * Math.ceil(run.width / 2);
    const room = { wide: width - LEFT - right, right, tall: height - BOTTOM - EDGE - (run.varies ? STRIP + 8 : 0) };
    const y = (value) => EDGE + (1 - value) * room.tall;
    this.frame(pen, run, room, y, low, high);
    this.lines(pen, run, moment, room, y, low, high);
    if (run.varies) this.made(pen, run, moment, room, height - STRIP - 1);
    const latent = this.props.latent ?? run.config.latent_value;
    if (!(latent >= low && latent <= high)) return;
    const x = LEFT + ((latent - low) / (high - low)) * room.wide;
    line(pen, [[x, y(0)], [x, y(1)]], theme.colours.ink, 1.5);
    const words = t("response.here", { latent: short(latent) });
    const face = (pen.font = font(12));
    const half = pen.measureText(words).width / 2;
    text(pen, words, Math.min(Math.max(x, half + 2), width - half - 2), EDGE - 12, theme.colours.ink, face);
  }

  frame(pen, run, room, y, low, high) {
    const { colours } = theme;
    pen.globalAlpha = theme.dark ? 0.24 : 0.14;
    pen.fillStyle = colours.real;
    const { spread } = run.config;
    pen.fillRect(LEFT, y(1), room.wide, y(1 - spread) - y(1));
    pen.fillRect(LEFT, y(spread), room.wide, y(0) - y(spread));
    pen.globalAlpha = 1;
    if (run.config.latent === "normal") this.bell(pen, room, y, low, high);
    const write = (words, x, y, align) => text(pen, words, x, y, colours.quiet, font(12), align);
    for (const value of [0, 0.5, 1]) {
      write(value, LEFT - 7, y(value), "right");
      line(pen, [[LEFT, y(value)], [LEFT + room.wide, y(value)]], colours.line);
    }
    for (const value of [low, (low + high) / 2, high]) write(short(value), LEFT + ((value - low) / (high - low)) * room.wide, y(0) + 12);
    write(t("response.x"), LEFT + room.wide / 2, y(0) + 26);
  }

  /** Draw how often each latent is drawn in training. */
  bell(pen, room, y, low, high) {
    pen.globalAlpha = 0.13;
    pen.fillStyle = theme.colours.quiet;
    pen.beginPath();
    pen.moveTo(LEFT, y(0));
    for (let k = 0; k <= STEPS; k++) {
      const share = k / STEPS;
      pen.lineTo(LEFT + share * room.wide, y(0.96 * Math.exp(-((low + share * (high - low)) ** 2) / 2)));
    }
    pen.lineTo(LEFT + room.wide, y(0));
    pen.fill();
    pen.globalAlpha = 1;
  }

  /** Draw the pattern that each latent gives as a strip, hatched where it gives none. */
  made(pen, run, moment, room, top) {
    const { colours } = theme;
    const made = this.outputs.map((out) => moment.cloud.patternOf(out));
    pen.font = font(12, 650);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    pen.strokeStyle = colours.line;
    pen.strokeRect(LEFT + 0.5, top + 0.5, room.wide - 1, STRIP - 1);
    for (let first = 0, k = 1; k <= made.length; k++) {
      if (made[k] === made[first]) continue;
      const from = LEFT + Math.max((first - 0.5) / STEPS, 0) * room.wide;
      const to = LEFT + Math.min((k - 0.5) / STEPS, 1) * room.wide;
      const pattern = run.patterns[made[first]];
      if (pattern) {
        pen.fillStyle = colours.generator;
        pen.globalAlpha = made[first] % 2 ? 0.42 : 0.2;
        pen.fillRect(from, top, to - from, STRIP);
        pen.globalAlpha = 1;
      } else {
        pen.beginPath();
        pen.rect(from, top, to - from, STRIP);
        hatch(pen, [from, top, to - from, STRIP]);
      }
      const label = pattern ?? nothing(run);
      pen.fillStyle = pattern ? colours.ink : colours.quiet;
      if (pen.measureText(label).width + 8 < to - from) (pattern ? pen.fillText(label, (from + to) / 2, top + STRIP / 2 + 1) : haloed(pen, label, (from + to) / 2, top + STRIP / 2 + 1));
      first = k;
    }
  }

  lines(pen, run, moment, room, y, low, high) {
    this.outputs = outputsFor(moment, run.config, [low, high], STEPS);
    for (let i = 0; i < run.width; i++) {
      const points = this.outputs.map((out, k) => [LEFT + (k / STEPS) * room.wide, y(out[i])]);
      line(pen, points, theme.colours.generator, 2.5, run.patterns[0][i] === "1" ? [] : [7, 4]);
    }
    this.endings(pen, run, room, y);
  }

  /** Label the lines with their places if there is room; lines that end at the same height share a label. */
  endings(pen, run, room, y) {
    if (run.width > MAX_LABELLED) return;
    const ends = this.outputs.at(-1).map((value, i) => [y(value), i + 1]).sort((a, b) => a[0] - b[0]);
    const labels = [];
    ends.forEach(([end, place], k) => {
      if (k && end - ends[k - 1][0] < SAME) {
        const label = labels.at(-1);
        label.y += (end - label.y) / label.places.push(place);
      } else labels.push({ y: end, places: [place] });
    });
    labels.forEach((label, k) => (label.y = Math.max(label.y, (labels[k - 1]?.y ?? -Infinity) + APART)));
    let lowest = y(0);
    for (const label of labels.reverse()) {
      label.y = Math.min(label.y, lowest);
      lowest = label.y - APART;
      text(pen, label.places.sort().join(", "), LEFT + room.wide + 7, label.y, theme.colours.ink, font(12, 650), "left");
    }
  }
}
