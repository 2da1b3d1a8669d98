// Chart of real data: each draw is a dot at its place, within the bounds of the data.

import { realRange } from "../model.js";
import { onShade, shade, theme } from "../theme.js";
import { short, t, vector, whole } from "../words.js";
import { box, fittingForm, font, Picture, text } from "./picture.js";

const LEFT = 34;
const BOTTOM = 30;
const EDGE = 12;
const MAX_CELL = 40;

/** Props: `rows` of vectors, the newest last, and their `patterns` and `spread`. */
export default class Draws extends Picture {
  describe() {
    const { rows } = this.props;
    if (!rows.length) return t("draws.none");
    return t("draws.says", { count: whole(rows.length), last: vector(rows.at(-1)) });
  }

  draw(pen, width, height) {
    const { rows, patterns, spread } = this.props;
    const { colours } = theme;
    const room = width - LEFT - EDGE;
    const wide = room / patterns[0].length;
    const cell = Math.min(0.9 * wide, MAX_CELL);
    const tall = height - EDGE - BOTTOM - cell - 14;
    const y = (value) => EDGE + (1 - value) * tall;
    for (const value of new Set([0, spread, 0.5, 1 - spread, 1])) {
      pen.fillStyle = colours.line;
      pen.fillRect(LEFT, y(value) - 0.5, room, 1);
      text(pen, short(value), LEFT - 8, y(value), colours.quiet, font(12), "right");
    }
    [...patterns[0]].forEach((_, k) => {
      const left = LEFT + (k + 0.14) * wide;
      const bits = [...new Set(patterns.map((pattern) => pattern[k]))];
      pen.globalAlpha = theme.dark ? 0.24 : 0.14;
      for (const [low, high] of realRange(bits, spread)) box(pen, left, y(high), wide * 0.72, y(low) - y(high), 6, colours.real);
      pen.globalAlpha = rows.length > 60 ? 0.35 : 0.6;
      rows.forEach((row, n) => {
        const newest = n === rows.length - 1;
        if (newest) pen.globalAlpha = 1;
        pen.beginPath();
        pen.arc(left + wide * 0.72 * (0.1 + 0.8 * jitter(n, k)), y(row[k]), newest ? 6 : 3.2, 0, 2 * Math.PI);
        pen.fill();
      });
      pen.globalAlpha = 1;
      this.cell(pen, cell, LEFT + (k + 0.5) * wide, height - BOTTOM / 2 - cell / 2, rows.at(-1)?.[k], bits.join("/"));
    });
  }

  cell(pen, size, x, y, value, bit) {
    const { colours } = theme;
    box(pen, x - size / 2, y - size / 2, size, size, size / 5, value === undefined ? colours.card : shade(theme.ramps.value, value), colours.real);
    const face = (pen.font = font(13, 600));
    if (value === undefined) text(pen, bit, x, y + 1, colours.ink, face);
    else text(pen, fittingForm(pen, size)?.(value) ?? "", x, y + 1, onShade(theme.ramps.value, value), face);
  }
}

/** A horizontal position from 0 to 1, the same for the same dot. */
const jitter = (n, k) => ((n * 0.618034 + k * 0.37) % 1);
