// Surface chart: D's score of vectors with x at each 1 and y at each 0, the real region, and the path of G's output.

import { player } from "../player.js";
import { sigmoid } from "../model.js";
import { theme } from "../theme.js";
import { fine, t } from "../words.js";
import { font, mark, Picture } from "./picture.js";

const CELLS = 48;
const LEFT = 46;
const BOTTOM = 34;
const EDGE = 10;
const MAX_TRAIL = 400;

export class Surface extends Picture {
  describe() {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D) return t("surface.none");
    const scores = { real: fine(moment.realScore), fake: fine(moment.fakeScore) };
    return t(run.hasGenerator ? "surface.says" : "surface.alone.says", scores);
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D) return;
    const size = Math.min(width - LEFT - EDGE, height - BOTTOM - EDGE);
    const left = (width - size + LEFT - EDGE) / 2;
    const at = (x, y) => [left + x * size, EDGE + (1 - y) * size];
    pen.save();
    pen.beginPath();
    pen.roundRect(left, EDGE, size, size, 6);
    pen.clip();
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.field(moment.D, run.ones), left, EDGE, size, size);
    pen.restore();
    this.axes(pen, left, size);
    this.region(pen, run, at);
    if (run.hasGenerator) this.path(pen, run, moment, at);
  }

  /** Compute D's score on a grid. The sums of the first layer are linear in x and y. */
  field(D, ones) {
    const hidden = D.hidden.length;
    if (!this.canvasOfField) {
      this.canvasOfField = new OffscreenCanvas(CELLS, CELLS);
      this.penOfField = this.canvasOfField.getContext("2d");
      this.image = this.penOfField.createImageData(CELLS, CELLS);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    if (this.alongX?.length !== hidden) [this.alongX, this.alongY] = [new Float32Array(hidden), new Float32Array(hidden)];
    this.alongX.fill(0);
    this.alongY.fill(0);
    for (let h = 0; h < hidden; h++) {
      for (let i = 0; i < D.inputs; i++) (ones[i] ? this.alongX : this.alongY)[h] += D.inputWeight(h, i);
    }
    for (let row = 0; row < CELLS; row++) {
      const y = 1 - (row + 0.5) / CELLS;
      for (let column = 0; column < CELLS; column++) {
        const x = (column + 0.5) / CELLS;
        for (let h = 0; h < hidden; h++) {
          D.hidden[h] = sigmoid(D.weights[D.hiddenBias + h] + this.alongX[h] * x + this.alongY[h] * y);
        }
        this.pixels[row * CELLS + column] = theme.ramps.score.packed[Math.round(D.finish()[0] * 255)];
      }
    }
    this.penOfField.putImageData(this.image, 0, 0);
    return this.canvasOfField;
  }

  axes(pen, left, size) {
    pen.fillStyle = theme.colours.quiet;
    pen.font = font(11.5);
    pen.textBaseline = "middle";
    for (const value of [0, 0.5, 1]) {
      pen.textAlign = "right";
      pen.fillText(String(value), left - 7, EDGE + (1 - value) * size + (value === 1 ? 5 : value === 0 ? -5 : 0));
      pen.textAlign = value === 0 ? "left" : value === 1 ? "right" : "center";
      pen.fillText(String(value), left + value * size, EDGE + size + 11);
    }
    pen.textAlign = "center";
    pen.fillText(t("surface.x"), left + size / 2, EDGE + size + 25);
    pen.save();
    pen.translate(left - 36, EDGE + size / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(t("surface.y"), 0, 0);
    pen.restore();
  }

  region(pen, run, at) {
    const { spread } = run.config;
    const x = run.ones.includes(1) ? [1 - spread, 1] : [0, 1];
    const y = run.ones.includes(0) ? [0, spread] : [0, 1];
    const [left, top] = at(x[0], y[1]);
    const [right, bottom] = at(x[1], y[0]);
    pen.lineWidth = 2;
    pen.strokeStyle = theme.colours.ink;
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillStyle = theme.colours.ink;
    pen.font = font(12, 650);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText(t("surface.real"), right - 2, Math.max(top - 10, EDGE + 10));
  }

  path(pen, run, moment, at) {
    const step = Math.max(1, Math.ceil(moment.row / MAX_TRAIL));
    pen.strokeStyle = theme.colours.generator;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    for (let n = 0; n <= moment.row; n += step) pen.lineTo(...at(...onMap(run.samples, n * run.width, run.ones)));
    const now = at(...onMap(moment.sample, 0, run.ones));
    pen.lineTo(...now);
    pen.stroke();
    if (player.hover !== null) {
      const row = Math.round((player.hover / (run.end || 1)) * (run.snapshotIterations.length - 1));
      const [x, y] = at(...onMap(run.samples, row * run.width, run.ones));
      pen.beginPath();
      pen.arc(x, y, 6, 0, 2 * Math.PI);
      pen.strokeStyle = theme.colours.ink;
      pen.stroke();
    }
    mark(pen, "generator", ...now, 7, theme.colours.generator, theme.colours.card);
  }
}

/** A sample's position: the mean of its values at each 1, and at each 0, or 0.5 if there are none. */
function onMap(samples, from, ones) {
  let x = 0;
  let y = 0;
  let count = 0;
  for (let k = 0; k < ones.length; k++) {
    if (ones[k]) x += samples[from + k];
    else y += samples[from + k];
    count += ones[k];
  }
  return [count ? x / count : 0.5, count < ones.length ? y / (ones.length - count) : 0.5];
}
