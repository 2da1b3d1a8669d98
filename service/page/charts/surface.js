// Surface chart: D's score of a plane of samples with all patterns in it, the real regions, G's samples, and the path of its output.

import { player } from "../player.js";
import { sigmoid } from "../model.js";
import { theme } from "../theme.js";
import { fine, t } from "../words.js";
import { font, haloed, line, mark, Picture, text, type } from "./picture.js";

const CELLS = 48;
const LEFT = 46;
const BOTTOM = 34;
const EDGE = 10;
const MAX_TRAIL = 400;
const MAX_LETTERS = 8;
const PER_PLANE = 4; // patterns
const ROUNDS = 4; // of Newton's method, for planes that are bent
const STEPS = 8; // along the outline of a real region

/** The title of the chart: all outputs lie on the plane of one or two patterns. */
export function surfaceTitle(run) {
  const planes = planesOf(run.patterns);
  return t(planes.length === 1 && planes[0].letters ? "surface.title" : "surface.between");
}

/** What an axis shows: the values that its letter stands for, if there are few. */
function axisName(run, { letters }, letter) {
  if (run.patterns.length === 1) return t(`surface.${letter}`);
  if (!letters || run.width > MAX_LETTERS) return letter;
  return t("surface.places", { places: letters.flatMap((name, i) => (name.endsWith(letter) ? i + 1 : [])).join(t("list.comma")) });
}

export class Surface extends Picture {
  describe() {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D) return t("surface.none");
    if (this.props.says) return this.props.says(moment, run);
    const scores = { real: fine(moment.realScore), fake: fine(moment.fakeScore) };
    if (run.patterns.length > 1) scores.real = run.patterns.map((pattern, k) => t("surface.score", { pattern, score: fine(moment.realScores[k]) })).join(t("list.comma"));
    return t(`surface${run.hasGenerator ? "" : ".alone"}${run.patterns.length > 1 ? ".several" : ""}.says`, scores);
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D) return;
    if (this.of !== run) Object.assign(this, { of: run, planes: planesOf(run.patterns) });
    const room = width / this.planes.length;
    const axis = LEFT * type.scale;
    const size = Math.min(room - axis - EDGE, height - BOTTOM * type.scale - EDGE);
    this.planes.forEach((plane, k) => {
      const left = k * room + (room - size + axis - EDGE) / 2;
      const at = ([x, y]) => [left + x * size, EDGE + (1 - y) * size];
      pen.save();
      pen.beginPath();
      pen.roundRect(left, EDGE, size, size, 6);
      pen.clip();
      pen.imageSmoothingEnabled = true;
      pen.drawImage(this.field(moment.D, plane), left, EDGE, size, size);
      pen.restore();
      this.axes(pen, left, size, run, plane);
      const labels = plane.patterns.map((pattern) => this.region(pen, run, plane, pattern, at));
      const varies = run.config.latent !== "constant";
      const now = run.hasGenerator && !(varies && this.props.recent) && at(plane.locate(moment.sample, 0));
      if (run.hasGenerator && varies) this.cloud(pen, moment, plane, at);
      if (now && !varies) this.trail(pen, run, moment, plane, at, now);
      for (const write of labels) write();
      if (now) mark(pen, "generator", ...now, 7, theme.colours.generator, theme.colours.card);
    });
  }

  /** Compute D's score on a grid. The sums of the first layer are those of the plane's values: bilinear in x and y. */
  field(D, plane) {
    const hidden = D.hidden.length;
    if (!this.canvasOfField) {
      this.canvasOfField = new OffscreenCanvas(CELLS, CELLS);
      this.penOfField = this.canvasOfField.getContext("2d");
      this.image = this.penOfField.createImageData(CELLS, CELLS);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    if (this.sums?.[0].length !== hidden) this.sums = Array.from({ length: 4 }, () => new Float32Array(hidden));
    const [base, alongX, alongY, bend] = this.sums;
    for (let h = 0; h < hidden; h++) {
      base[h] = D.weights[D.hiddenBias + h];
      alongX[h] = alongY[h] = bend[h] = 0;
      for (let i = 0; i < D.inputs; i++) {
        const weight = D.inputWeight(h, i);
        base[h] += weight * plane.base[i];
        alongX[h] += weight * plane.alongX[i];
        alongY[h] += weight * plane.alongY[i];
        bend[h] += weight * plane.bend[i];
      }
    }
    for (let row = 0; row < CELLS; row++) {
      const y = 1 - (row + 0.5) / CELLS;
      for (let column = 0; column < CELLS; column++) {
        const x = (column + 0.5) / CELLS;
        for (let h = 0; h < hidden; h++) D.hidden[h] = sigmoid(base[h] + x * alongX[h] + y * (alongY[h] + x * bend[h]));
        this.pixels[row * CELLS + column] = theme.ramps.score.packed[Math.round(D.finish()[0] * 255)];
      }
    }
    this.penOfField.putImageData(this.image, 0, 0);
    return this.canvasOfField;
  }

  axes(pen, left, size, run, plane) {
    const [x, y] = ["x", "y"].map((letter) => axisName(run, plane, letter));
    const write = (words, x, y, align) => text(pen, words, x, y, theme.colours.quiet, font(12), align);
    [0, 0.5, 1].forEach((value, k) => {
      write(value, left - 7, EDGE + (1 - value) * size + 5 * (k - 1), "right");
      write(value, left + value * size, EDGE + size + 11 * type.scale, ["left", "center", "right"][k]);
    });
    write(x, left + size / 2, EDGE + size + 25 * type.scale);
    pen.save();
    pen.translate(left - 36 * type.scale, EDGE + size / 2);
    pen.rotate(-Math.PI / 2);
    write(y, 0, 0);
    pen.restore();
  }

  /** Draw the outline of a real region; return what writes its name, over all else. */
  region(pen, run, plane, { name, corner }, at) {
    const [x, y] = at(corner);
    const points = plane.outline(corner, run.config.spread).map(at);
    pen.lineJoin = "round";
    line(pen, [...points, points[0]], theme.colours.ink, 2);
    const inner = points.reduce((far, point) => (Math.abs(point[1] - y) > Math.abs(far - y) ? point[1] : far), y);
    const label = run.patterns.length > 1 ? name : t("surface.real");
    return () => {
      pen.fillStyle = theme.colours.ink;
      pen.font = font(12, 650);
      pen.textAlign = corner[0] ? "right" : "left";
      pen.textBaseline = "middle";
      haloed(pen, label, x + (corner[0] ? -2 : 2), Math.max(inner + (corner[1] ? 10 : -10), EDGE + 10));
    };
  }

  /** Draw what G makes for latents as in training; samples that are far from the plane are faint. */
  cloud(pen, moment, plane, at) {
    const { samples } = moment.cloud;
    const { inputs } = moment.D;
    pen.fillStyle = theme.colours.generator;
    pen.strokeStyle = theme.colours.card;
    pen.lineWidth = 0.75;
    for (let from = 0; from < samples.length; from += inputs) {
      const [x, y] = plane.locate(samples, from);
      let off = 0;
      for (let i = 0; i < inputs; i++) off = Math.max(off, Math.abs(samples[from + i] - plane.value(i, x, y)));
      pen.globalAlpha = 0.85 - 0.7 * off;
      pen.beginPath();
      pen.arc(...at([x, y]), 3.5, 0, 2 * Math.PI);
      pen.fill();
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  /** Draw the path of G's output for its constant latent up to now, or with `recent`, what is left of it after a tenth of the run. */
  trail(pen, run, moment, plane, at, now) {
    const first = this.props.recent ? Math.max(moment.row - Math.ceil((run.snapshotIterations.length - 1) / 10), 0) : 0;
    const step = Math.max(1, Math.ceil((moment.row - first) / MAX_TRAIL));
    const { generator } = theme.colours;
    pen.lineJoin = "round";
    const points = [];
    for (let n = first; n <= moment.row; n += step) points.push(at(plane.locate(run.samples, n * run.width)));
    points.push(now);
    if (this.props.recent) {
      for (let k = 1; k < points.length; k++) {
        pen.globalAlpha = k / points.length;
        line(pen, points.slice(k - 1, k + 1), generator, 2);
      }
      pen.globalAlpha = 1;
    } else line(pen, points, generator, 2);
    if (player.hover !== null) {
      const row = Math.round((player.hover / (run.end || 1)) * (run.snapshotIterations.length - 1));
      pen.beginPath();
      pen.arc(...at(plane.locate(run.samples, row * run.width)), 6, 0, 2 * Math.PI);
      pen.strokeStyle = theme.colours.ink;
      pen.stroke();
    }
  }
}

/** The planes that show all patterns: each has up to four in its corners, and every sample has a place on it. */
export const planesOf = (patterns) =>
  Array.from({ length: Math.ceil(patterns.length / PER_PLANE) }, (_, k) => new Plane(patterns.slice(k * PER_PLANE, (k + 1) * PER_PLANE)));

const distance = (a, b) => a.filter((bit, i) => bit !== b[i]).length;

/**
 * A value at (x, y) lies between the bits of the four corners: base + x * alongX + y * alongY + x * y * bend.
 * With one pattern, x is the value at each 1 and y at each 0.
 */
class Plane {
  constructor(patterns) {
    const bits = new Map(patterns.map((pattern) => [pattern, Array.from(pattern, Number)]));
    const [first, ...others] = patterns;
    const a = bits.get(first);
    others.sort((p, q) => distance(a, bits.get(q)) - distance(a, bits.get(p))); // the one that differs most is opposite
    const order = [first, ...others];
    const [, b = a.map((bit) => 1 - bit), c, d] = order.map((pattern) => bits.get(pattern));
    const upper = c ?? a.map((bit, i) => bit | b[i]);
    const lower = d ?? a.map((bit, i) => (c ? Math.min(Math.max(bit + b[i] - c[i], 0), 1) : bit & b[i]));
    this.base = lower;
    this.alongX = a.map((bit, i) => bit - lower[i]);
    this.alongY = b.map((bit, i) => bit - lower[i]);
    this.bend = upper.map((bit, i) => bit - a[i] - b[i] + lower[i]);
    this.patterns = order.map((name, k) => ({ name, corner: [[1, 0], [0, 1], [1, 1], [0, 0]][k] }));
  }

  value(i, x, y) {
    return this.base[i] + x * this.alongX[i] + y * this.alongY[i] + x * y * this.bend[i];
  }

  /** Each value as x, y, 1 − x, 1 − y, 0 or 1; null if one depends on both. */
  get letters() {
    if (this.bend.some(Boolean)) return null;
    const names = this.base.map((base, i) => (this.alongX[i] ? (base ? "1−x" : "x") : this.alongY[i] ? (base ? "1−y" : "y") : String(base)));
    return this.alongX.some((along, i) => along && this.alongY[i]) ? null : names;
  }

  /** The point of the plane nearest to a sample. */
  locate(samples, from) {
    let [x, y] = [0.5, 0.5];
    const rounds = this.bend.some(Boolean) ? ROUNDS : 1;
    for (let round = 0; round < rounds; round++) {
      let [xx, xy, yy, toX, toY] = [1e-9, 0, 1e-9, 0, 0];
      for (let i = 0; i < this.base.length; i++) {
        const dx = this.alongX[i] + y * this.bend[i];
        const dy = this.alongY[i] + x * this.bend[i];
        const rest = samples[from + i] - this.value(i, x, y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
        toX += dx * rest;
        toY += dy * rest;
      }
      const area = xx * yy - xy * xy;
      if (area < 1e-12) break;
      x = Math.min(Math.max(x + (yy * toX - xy * toY) / area, 0), 1);
      y = Math.min(Math.max(y + (xx * toY - xy * toX) / area, 0), 1);
    }
    return [x, y];
  }

  /** The outline of the real region at a corner: each point [u, v] is so far from the corner along x and along y. */
  outline([cornerX, cornerY], spread) {
    const differs = (x, y) => this.base.map((_, i) => Math.abs(this.value(i, x, y) - this.value(i, cornerX, cornerY)));
    const [acrossX, acrossY, across] = [differs(1 - cornerX, cornerY), differs(cornerX, 1 - cornerY), differs(1 - cornerX, 1 - cornerY)];
    const points = [[0, 0]];
    for (const u of [...Array.from({ length: STEPS + 1 }, (_, k) => (k / STEPS) * spread), 1]) {
      // At u, a value's distance from its bit rises from `near` at v = 0 to `far` at v = 1.
      const near = acrossX.map((flips) => u * flips);
      const far = acrossY.map((flips, i) => (1 - u) * flips + u * across[i]);
      if (near.some((value) => value > spread + 1e-9)) break;
      const reach = near.map((value, i) => (far[i] > spread ? (spread - value) / (far[i] - value) : 1));
      points.push([u, Math.max(Math.min(...reach), 0)]);
    }
    points.push([points.at(-1)[0], 0]);
    return points.map(([u, v]) => [cornerX ? 1 - u : u, cornerY ? 1 - v : v]);
  }
}
