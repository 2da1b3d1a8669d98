// Evolution chart: the article's ten columns, and below them every snapshot; pointing shows a value, dragging seeks.

import { player } from "../player.js";
import { indexAt } from "../run.js";
import { onShade, shade, theme } from "../theme.js";
import { html } from "../ui.js";
import { fine, t, vector, whole } from "../words.js";
import { fittingForm, font, isReadable, Picture, text, type } from "./picture.js";

const LEFT = 26;
const RIGHT = 8;
const AXIS = 20;
const COLUMNS = 10;
const PALE = 0.45; // what comes after the moment of the player
const ROW = 12.5; // the height of a row with numbers, at least
const MAX_UPPER = 0.8; // of the room, if the rows need it

export class Evolution extends Picture {
  describe() {
    const { run, at, moment } = player;
    if (!run?.samples) return t("evolution.none");
    const row = indexAt(run.snapshotIterations, at);
    const sample = run.hasWeights && moment.run === run ? moment.sample : run.samples.subarray(row * run.width, (row + 1) * run.width);
    return t("evolution.says", { at: whole(at), sample: vector(sample) });
  }

  render(props, state) {
    return super.render({ ...props, title: evolutionTitle(player.run), note: html`<span class="value-key">0<i />1</span> ${props.note}` }, state);
  }

  draw(pen, width, height) {
    const { run } = player;
    if (!run?.samples?.length || !run.hasGenerator) return;
    const room = width - LEFT - RIGHT;
    const both = height - 2 * AXIS - 8;
    const tall = Math.max(both / 2, Math.min(ROW * type.scale * run.width, MAX_UPPER * both));
    const lower = tall + AXIS + 8;
    const isWritten = this.article(pen, run, room, tall);
    this.continuous(pen, run, room, lower, both - tall, t(isWritten ? "evolution.axis" : "evolution.axis.point"));
    pen.font = font(12, 600);
    pen.fillStyle = theme.colours.quiet;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    this.names(pen, run, 0, tall / run.width);
    this.names(pen, run, lower, (both - tall) / run.width);
    this.playhead(pen, run, room, 0, tall + 4);
    this.playhead(pen, run, room, lower - 2, both - tall + 4);
    this.tell(pen, run, room, tall, lower, both - tall);
  }

  /** Show the value below the pointer. */
  tell(pen, run, room, tall, lower, rest) {
    if (!this.spot) return;
    const { x, y } = this.spot;
    const share = (x - LEFT) / room;
    const isUpper = y < tall + AXIS;
    const place = Math.floor(((isUpper ? y / tall : (y - lower) / rest)) * run.width);
    if (share < 0 || share >= 1 || place < 0 || place >= run.width) return;
    const columns = tenths(run.snapshotIterations);
    const row = isUpper ? columns[Math.floor(share * columns.length)] : indexAt(run.snapshotIterations, share * run.end);
    const value = fine(run.samples[row * run.width + place]);
    this.bubble(pen, this.spot, t("evolution.value", { at: whole(run.snapshotIterations[row]), place: place + 1, value }), this.width);
  }

  /** Name the rows by their bits, or number them, every other one where they are low. */
  names(pen, run, top, high) {
    const step = Math.ceil((11 * type.scale) / high);
    if (step > 2) return; // they are those above
    for (let k = step - 1; k < run.width; k += step) pen.fillText(step > 1 || run.patterns.length > 1 ? k + 1 : run.patterns[0][k], LEFT / 2, top + (k + 0.5) * high);
  }

  /** Draw the article's picture: a column from each tenth of the run on. Return whether its values have room. */
  article(pen, run, room, tall) {
    const columns = tenths(run.snapshotIterations);
    const wide = room / columns.length;
    const high = tall / run.width;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = font(12);
    const face = font(12, 600);
    pen.font = face;
    const form = isReadable(high - 1.5) && fittingForm(pen, wide - 1.5);
    pen.font = font(12);
    const longest = pen.measureText(whole(run.snapshotIterations[columns.at(-1)])).width + 6;
    const step = [1, 3].find((count) => count * wide > longest) ?? COLUMNS - 1; // so that the last column has a label
    let end = 0; // of the last label
    columns.forEach((row, column) => {
      const isFuture = run.snapshotIterations[row] > player.at;
      for (let k = 0; k < run.width; k++) {
        const value = run.samples[row * run.width + k];
        pen.fillStyle = shade(theme.ramps.value, value);
        pen.globalAlpha = isFuture ? PALE : 1;
        pen.fillRect(LEFT + column * wide, k * high, wide - 1.5, high - 1.5);
        if (!form || isFuture) continue;
        pen.font = face;
        pen.fillStyle = onShade(theme.ramps.value, value);
        pen.fillText(form(value), LEFT + (column + 0.5) * wide, (k + 0.5) * high);
      }
      pen.globalAlpha = 1;
      pen.font = font(12);
      pen.fillStyle = theme.colours.quiet;
      const label = whole(run.snapshotIterations[row]);
      const half = pen.measureText(label).width / 2;
      const at = LEFT + column * wide;
      if (column % step || at - half < end + 4) return;
      pen.fillRect(at - 0.5, tall, 1, 4);
      pen.fillText(label, at, tall + AXIS / 2 + 1);
      end = at + half;
    });
    return Boolean(form);
  }

  /** Draw all snapshots from an image that is made once and stretched. */
  continuous(pen, run, room, top, tall, axis) {
    if (this.of !== run || this.version !== run.version || this.ramp !== theme.ramps.value) this.prepare(run);
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = PALE;
    pen.drawImage(this.strip, LEFT, top, room, tall);
    pen.globalAlpha = 1;
    const past = player.at / (run.end || 1);
    if (past) pen.drawImage(this.strip, 0, 0, this.strip.width * past, this.strip.height, LEFT, top, room * past, tall);
    const name = (words, at, align) => text(pen, words, LEFT + at * room, top + tall + AXIS / 2, theme.colours.quiet, font(12), align);
    name("0", 0, "left");
    name(axis, 0.5);
    name(whole(run.end), 1, "right");
  }

  prepare(run) {
    Object.assign(this, { of: run, version: run.version, ramp: theme.ramps.value });
    this.strip = document.createElement("canvas");
    this.strip.width = run.snapshotIterations.length;
    this.strip.height = run.width;
    const pen = this.strip.getContext("2d");
    const image = pen.createImageData(run.snapshotIterations.length, run.width);
    const pixels = new Uint32Array(image.data.buffer);
    for (let n = 0; n < run.snapshotIterations.length; n++) {
      for (let k = 0; k < run.width; k++) {
        pixels[k * run.snapshotIterations.length + n] = theme.ramps.value.packed[Math.round(run.samples[n * run.width + k] * 255)];
      }
    }
    pen.putImageData(image, 0, 0);
  }

  playhead(pen, run, room, top, tall) {
    const line = (at, colour, wide) => {
      const x = LEFT + (at / (run.end || 1)) * room;
      pen.fillStyle = colour;
      pen.fillRect(x - wide / 2, top, wide, tall);
    };
    if (player.hover !== null) line(player.hover, theme.colours.quiet, 1);
    line(player.at, theme.colours.card, 5);
    line(player.at, theme.colours.ink, 2);
  }

  pointed(x, y, down) {
    const { run } = player;
    if (!run?.end) return;
    const at = (Math.min(Math.max((x - LEFT) / (this.width - LEFT - RIGHT), 0), 1)) * run.end;
    this.spot = { x, y };
    player.setHover(at);
    if (down) player.seek(at);
  }

  left(event) {
    if (event.pointerType !== "touch") this.spot = null; // what was tapped stays
    player.setHover(null);
  }
}

export const evolutionTitle = ({ width: count }) => t("evolution.title", { count });

/** The snapshots nearest to 0, 1/10, ..., 9/10 of the run. */
function tenths(snapshotIterations) {
  const end = snapshotIterations.at(-1) ?? 0;
  const rows = Array.from({ length: COLUMNS }, (_, k) => {
    const iteration = (end * k) / COLUMNS;
    const row = indexAt(snapshotIterations, iteration);
    return row + 1 < snapshotIterations.length && snapshotIterations[row + 1] - iteration < iteration - snapshotIterations[row] ? row + 1 : row;
  });
  return [...new Set(rows)];
}
