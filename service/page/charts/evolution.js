// Evolution chart: the article's ten columns, and below them every snapshot; pointing shows a value, dragging seeks.

import { player } from "../player.js";
import { indexAt } from "../run.js";
import { onShade, shade, theme } from "../theme.js";
import { html } from "../ui.js";
import { fine, t, vector, whole } from "../words.js";
import { fittingForm, font, isReadable, line, Picture, text, type } from "./picture.js";

const LEFT = 26;
const RIGHT = 8;
const AXIS = 20;
const ROOMY = 285; // fits a hint beside ten million
const COLUMNS = 10;
/** The opacity of what comes after the moment of the player. */
const pale = () => (player.playing ? 0.1 : 0.45);
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
    return super.render({ ...props, title: evolutionTitle(player.run), note: html`<span class="score-key">0<i />1</span> ${props.note}` }, state);
  }

  draw(pen, width, height) {
    const { run } = player;
    if (!run?.samples?.length || !run.hasGenerator) return;
    const room = width - LEFT - RIGHT;
    const both = height - 2 * AXIS - 8;
    const tall = Math.max(both / 2, Math.min(ROW * type.scale * run.width, MAX_UPPER * both));
    const lower = tall + AXIS + 8;
    const rest = both - tall;
    const write = (words, x, y, weight, align) => text(pen, words, x, y, theme.colours.quiet, font(12, weight), align);
    const columns = tenths(run.snapshotIterations);
    const isWritten = this.article(pen, run, columns, room / columns.length, tall / run.width, write);
    this.continuous(pen, run, room, lower, rest);
    const axis = lower + rest + AXIS / 2;
    write("0", LEFT, axis, 500, "left");
    write(t(isWritten || room < ROOMY * type.scale ? "evolution.axis" : "evolution.axis.point"), LEFT + room / 2, axis);
    write(whole(run.end), LEFT + room, axis, 500, "right");
    for (const [top, all] of [[0, tall], [lower, rest]]) {
      const high = all / run.width;
      const step = Math.ceil((11 * type.scale) / high); // bits of all rows, or numbers of every other one
      if (step < 3) for (let k = step - 1; k < run.width; k += step) write(step > 1 || run.patterns.length > 1 ? k + 1 : run.patterns[0][k], LEFT / 2, top + (k + 0.5) * high, 600);
    }
    this.playhead(pen, run, room, lower - 6, rest + 8);
    if (!this.spot) return;
    const { x, y } = this.spot;
    const share = (x - LEFT) / room;
    const row = y < lower ? columns[Math.floor(share * columns.length)] : indexAt(run.snapshotIterations, share * run.end);
    const place = Math.floor((y < lower ? y / tall : (y - lower) / rest) * run.width);
    if (!(share >= 0 && share < 1 && place >= 0 && place < run.width)) return;
    this.bubble(pen, this.spot, t("evolution.value", { at: whole(run.snapshotIterations[row]), place: place + 1, value: fine(run.samples[row * run.width + place]) }), width);
  }

  /** Draw the article's picture: a column from each tenth of the run on. Return whether its values have room. */
  article(pen, run, columns, wide, high, write) {
    const face = (pen.font = font(12, 600));
    const form = isReadable(high - 1.5) && fittingForm(pen, wide - 1.5);
    let free = Infinity; // left of the last label
    for (let column = columns.length - 1; column >= 0; column--) {
      const row = columns[column];
      const left = LEFT + column * wide;
      const isFuture = run.snapshotIterations[row] > player.at;
      pen.globalAlpha = isFuture ? pale() : 1;
      for (let k = 0; k < run.width; k++) {
        const value = run.samples[row * run.width + k];
        pen.fillStyle = shade(theme.ramps.value, value);
        pen.fillRect(left, k * high, wide - 1.5, high - 1.5);
        if (form && !isFuture) text(pen, form(value), left + wide / 2, (k + 0.5) * high, onShade(theme.ramps.value, value), face);
      }
      const label = whole(run.snapshotIterations[row]);
      const half = pen.measureText(label).width / 2;
      if (left + half > free) continue;
      pen.globalAlpha = 1;
      line(pen, [[left, run.width * high], [left, run.width * high + 4]], theme.colours.quiet);
      write(label, left, run.width * high + AXIS / 2 + 1);
      free = left - half - 10;
    }
    pen.globalAlpha = 1;
    return Boolean(form);
  }

  /** Draw all snapshots from an image that is made once and stretched. */
  continuous(pen, run, room, top, tall) {
    if (this.of !== run || this.version !== run.version || this.ramp !== theme.ramps.value) this.prepare(run);
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = pale();
    pen.drawImage(this.strip, LEFT, top, room, tall);
    pen.globalAlpha = 1;
    const past = player.at / (run.end || 1);
    if (past) pen.drawImage(this.strip, 0, 0, this.strip.width * past, this.strip.height, LEFT, top, room * past, tall);
  }

  prepare(run) {
    Object.assign(this, { of: run, version: run.version, ramp: theme.ramps.value });
    this.strip = document.createElement("canvas");
    this.strip.width = run.snapshotIterations.length;
    this.strip.height = run.width;
    const pen = this.strip.getContext("2d");
    for (let n = 0; n < run.samples.length; n++) {
      pen.fillStyle = shade(theme.ramps.value, run.samples[n]);
      pen.fillRect(Math.floor(n / run.width), n % run.width, 1, 1);
    }
  }

  playhead(pen, run, room, top, tall) {
    const bar = (at, colour, wide) => {
      const x = LEFT + (at / (run.end || 1)) * room;
      pen.fillStyle = colour;
      pen.fillRect(x - wide / 2, top, wide, tall);
    };
    if (player.hover !== null) bar(player.hover, theme.colours.quiet, 1);
    bar(player.at, theme.colours.card, 5);
    bar(player.at, theme.colours.ink, 2);
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
