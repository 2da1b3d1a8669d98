// Sheets: canvases for pictures to take away, sharp on paper, in the colours of the theme.

import { theme } from "../theme.js";
import { font } from "./picture.js";

const SCALE = 2; // pixels per unit

/** A blank sheet and its pen. */
export function sheet(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * SCALE);
  canvas.height = Math.ceil(height * SCALE);
  const pen = canvas.getContext("2d");
  pen.scale(SCALE, SCALE);
  pen.fillStyle = theme.colours.card;
  pen.fillRect(0, 0, width, height);
  return { canvas, pen };
}

const ruler = document.createElement("canvas").getContext("2d");

export function widthOf(text, size, weight = 600) {
  ruler.font = font(size, weight);
  return ruler.measureText(text).width;
}

/** Break a text into lines of at most this width: at spaces, and in Chinese anywhere. */
export function wrapped(text, width, size) {
  ruler.font = font(size);
  const lines = [""];
  for (const part of text.match(/[\p{Script=Han}，。；：、]|[^\s\p{Script=Han}，。；：、]+\s*|\s+/gu) ?? []) {
    const line = lines.at(-1) + part;
    if (lines.at(-1) && ruler.measureText(line.trimEnd()).width > width) lines.push(part);
    else lines[lines.length - 1] = line;
  }
  return lines;
}
