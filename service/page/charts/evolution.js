// How the pattern evolves: the article's ten columns, and below them every kept moment, through which one can drag.

import { player } from "../player.js";
import { indexAt } from "../run.js";
import { onShade, shade, theme } from "../theme.js";
import { fine, t, vector, whole } from "../words.js";
import { font, Picture } from "./picture.js";

const LEFT = 26;
const RIGHT = 8;
const AXIS = 20;
const COLUMNS = 10;

export class Evolution extends Picture {
  describe() {
    const { run, at } = player;
    if (!run?.samples) return t("evolution.none");
    const row = indexAt(run.kept, at);
    const sample = run.samples.subarray(row * run.width, (row + 1) * run.width);
    return t("evolution.says", { at: whole(at), sample: vector(sample) });
  }

  draw(pen, width, height) {
    const { run } = player;
    if (!run?.samples?.length || !run.pair) return;
    const room = width - LEFT - RIGHT;
    const tall = (height - 2 * AXIS - 8) / 2;
    const lower = tall + AXIS + 8;
    this.article(pen, run, room, tall);
    this.continuous(pen, run, room, lower, tall);
    pen.font = font(12, 600);
    pen.fillStyle = theme.colours.quiet;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let k = 0; k < run.width && tall / run.width > 9; k++) {
      const y = ((k + 0.5) * tall) / run.width;
      pen.fillText(run.config.pattern[k], LEFT / 2, y);
      pen.fillText(run.config.pattern[k], LEFT / 2, lower + y);
    }
    this.playhead(pen, run, room, height);
  }

  /** The article's picture: one column for each tenth of the run. */
  article(pen, run, room, tall) {
    const columns = tenths(run.kept);
    const wide = room / columns.length;
    const high = tall / run.width;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    columns.forEach((row, column) => {
      for (let k = 0; k < run.width; k++) {
        const value = run.samples[row * run.width + k];
        pen.fillStyle = shade(theme.ramps.value, value);
        pen.fillRect(LEFT + column * wide, k * high, wide - 1.5, high - 1.5);
        if (wide < 34 || high < 16) continue;
        pen.font = font(Math.min(12.5, wide * 0.3), 600);
        pen.fillStyle = onShade(theme.ramps.value, value);
        pen.fillText(fine(value), LEFT + (column + 0.5) * wide, (k + 0.5) * high);
      }
      pen.font = font(11.5);
      pen.fillStyle = theme.colours.quiet;
      if (wide > 46 || column % 3 === 0) pen.fillText(whole(run.kept[row]), LEFT + (column + 0.5) * wide, tall + AXIS / 2);
    });
  }

  /** Every kept moment, as one picture that is made once and stretched. */
  continuous(pen, run, room, top, tall) {
    if (this.of !== run || this.version !== run.version || this.ramp !== theme.ramps.value) this.prepare(run);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.strip, LEFT, top, room, tall);
    const { colours } = theme;
    pen.font = font(11.5);
    pen.fillStyle = colours.quiet;
    pen.textAlign = "left";
    pen.fillText("0", LEFT, top + tall + AXIS / 2);
    pen.textAlign = "right";
    pen.fillText(whole(run.end), LEFT + room, top + tall + AXIS / 2);
  }

  prepare(run) {
    Object.assign(this, { of: run, version: run.version, ramp: theme.ramps.value });
    this.strip = document.createElement("canvas");
    this.strip.width = run.kept.length;
    this.strip.height = run.width;
    const pen = this.strip.getContext("2d");
    const image = pen.createImageData(run.kept.length, run.width);
    const pixels = new Uint32Array(image.data.buffer);
    for (let n = 0; n < run.kept.length; n++) {
      for (let k = 0; k < run.width; k++) {
        pixels[k * run.kept.length + n] = theme.ramps.value.packed[Math.round(run.samples[n * run.width + k] * 255)];
      }
    }
    pen.putImageData(image, 0, 0);
  }

  playhead(pen, run, room, height) {
    const line = (at, colour, wide) => {
      const x = LEFT + (at / (run.end || 1)) * room;
      pen.fillStyle = colour;
      pen.fillRect(x - wide / 2, (height + 8) / 2 - 6, wide, (height - 8) / 2 - AXIS + 12);
    };
    if (player.hover !== null) line(player.hover, theme.colours.quiet, 1);
    line(player.at, theme.colours.card, 5);
    line(player.at, theme.colours.ink, 2);
  }

  pointed(x, y, down) {
    const { run } = player;
    if (!run?.end) return;
    const at = (Math.min(Math.max((x - LEFT) / (this.width - LEFT - RIGHT), 0), 1)) * run.end;
    player.point(at);
    if (down) player.seek(at);
  }

  left() {
    player.point(null);
  }
}

/** The kept moments nearest to 0, 1/10, ..., 9/10 of the run. */
function tenths(kept) {
  const end = kept.at(-1) ?? 0;
  const rows = Array.from({ length: COLUMNS }, (_, k) => {
    const wanted = (end * k) / COLUMNS;
    const row = indexAt(kept, wanted);
    return row + 1 < kept.length && kept[row + 1] - wanted < wanted - kept[row] ? row + 1 : row;
  });
  return [...new Set(rows)];
}
