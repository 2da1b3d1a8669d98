// Picture of a heat map, in the language and the theme of the page.

import { fieldName, settingName, valueName } from "../labels.js";
import { bestWords, cellName, figureName, formatFigure, lengthOf, shareOf, valueOf } from "../sweepmap.js";
import { shade, theme } from "../theme.js";
import { t } from "../words.js";
import { font, hatch, text as write } from "./picture.js";
import { sheet, widthOf, wrapped } from "./sheet.js";

const EDGE = 28;
const HEAD = 92; // title, settings and the key
const GAP = 28;
const [BAR, NUMBER] = [360, 100]; // widths of a bar and of the value beside it

export function drawHeatMap({ figure, map, scale }, best, title, settings) {
  const { columns, rows, panels } = map;
  const cell = { wide: !columns.name ? BAR + NUMBER : columns.values.length > 20 ? 14 : columns.values.length > 8 || panels.name ? 54 : 84, high: columns.values.length > 20 ? 14 : 40 };
  const labels = Math.max(...rows.values.map(({ value }) => widthOf(valueName(value), 12)), rows.name ? widthOf(`${fieldName(rows.name)} ↓`, 12) : 0) + 18;
  const panel = { wide: labels + columns.values.length * cell.wide, high: (panels.name ? 26 : 0) + 44 + rows.values.length * cell.high };
  const across = Math.min(panels.values.length, Math.max(1, Math.ceil(Math.sqrt((panels.values.length * panel.high * 1.6) / panel.wide))));
  const down = Math.ceil(panels.values.length / across);
  const width = Math.max(2 * EDGE + across * panel.wide + (across - 1) * GAP, 720);
  const lines = wrapped(settings, width - 2 * EDGE, 12.5);
  const top = EDGE + HEAD + lines.length * 18;
  const foot = best ? wrapped([best.cell && "★", bestWords(figure, best), best.cell && (cellName(best.cell) || t("sweep.all"))].filter(Boolean).join(" "), width - 2 * EDGE, 13) : [];
  const { canvas, pen } = sheet(width, top + down * (panel.high + GAP) + foot.length * 18 + EDGE);
  const text = (words, x, y, colour, size, weight, align = "left") => write(pen, words, x, y, colour, font(size, weight), align);
  text(title, EDGE, EDGE + 8, theme.colours.ink, 19, 700);
  lines.forEach((line, k) => text(line, EDGE, EDGE + 34 + k * 18, theme.colours.quiet, 12.5));
  drawKey(pen, text, figure, scale, EDGE + 34 + lines.length * 18 + 14);
  panels.values.forEach((place, n) => {
    const left = EDGE + (n % across) * (panel.wide + GAP);
    let y = top + Math.floor(n / across) * (panel.high + GAP);
    if (panels.name) {
      text(settingName(panels.name, place.value), left + labels, y + 8, theme.colours.ink, 14, 680);
      y += 26;
    }
    if (columns.name) text(`${fieldName(columns.name)} →`, left + labels, y + 8, theme.colours.quiet, 12, 600);
    if (rows.name) text(`${fieldName(rows.name)} ↓`, left + labels - 10, y + 30, theme.colours.quiet, 12, 600, "right");
    const every = (axis, size) => Math.ceil(size / (axis === columns ? cell.wide : cell.high));
    columns.values.forEach(({ value }, k) => columns.name && k % every(columns, 60) === 0 && text(valueName(value), left + labels + (k + 0.5) * cell.wide, y + 30, theme.colours.quiet, 12, 600, "center"));
    y += 44;
    rows.values.forEach((row, n) => {
      if (rows.name && n % every(rows, 14) === 0) text(valueName(row.value), left + labels - 10, y + (n + 0.5) * cell.high, theme.colours.quiet, 12, 600, "right");
      columns.values.forEach((column, k) => drawCell(pen, text, { figure, scale, best: best?.cell, cell: map.at(column, row, place) }, left + labels + k * cell.wide, y + n * cell.high, cell));
    });
  });
  foot.forEach((line, k) => text(line, EDGE, top + down * (panel.high + GAP) + k * 18, theme.colours.ink, 13, 600));
  return canvas;
}

function drawCell(pen, text, { figure, scale, best, cell }, x, y, { wide, high }) {
  const value = valueOf(cell, figure);
  const room = wide > 20 ? 3 : 0.5;
  const box = [x + room / 2, y + room / 2, wide - room, high - room];
  pen.beginPath();
  pen.roundRect(...box, wide > 20 ? 6 : 1);
  if (value === null) {
    hatch(pen, box);
    return;
  }
  const isBar = wide === BAR + NUMBER;
  if (isBar) {
    pen.fillStyle = theme.colours.ground;
    pen.fillRect(x, y + 2, BAR, high - 4);
    pen.strokeStyle = theme.colours.edge;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.rect(x, y + 2, BAR * lengthOf(figure, scale, value), high - 4);
  }
  const share = shareOf(scale, value);
  pen.fillStyle = shade(theme.ramps.cell, share);
  pen.fill();
  if (isBar) pen.stroke();
  const ink = theme.colours.ink;
  if (wide > 20) text(`${cell === best ? "★ " : ""}${formatFigure(figure, value)}`, isBar ? x + BAR + NUMBER / 2 : x + wide / 2, y + high / 2, ink, 12.5, 640, "center");
  else if (cell === best) text("★", x + wide / 2, y + high / 2, ink, 10, 700, "center");
}

function drawKey(pen, text, figure, scale, y) {
  text(figureName(figure), EDGE, y + 6, theme.colours.ink, 13, 680);
  pen.font = font(13, 680);
  let x = EDGE + pen.measureText(figureName(figure)).width + 22;
  const label = (words, weight = 500) => {
    text(words, x, y + 6, theme.colours.quiet, 12, weight);
    x += pen.measureText(words).width + 8;
  };
  if (scale) {
    label(formatFigure(figure, scale[0]));
    const ramp = pen.createLinearGradient(x, 0, x + 120, 0);
    ramp.addColorStop(0, theme.colours.low);
    ramp.addColorStop(1, theme.colours.best);
    pen.beginPath();
    pen.roundRect(x, y, 120, 12, 3);
    pen.fillStyle = ramp;
    pen.fill();
    x += 128;
    label(formatFigure(figure, scale[1]));
    label(t("sweep.better"), 680);
  }
  x += 14;
  pen.beginPath();
  pen.roundRect(x, y, 18, 12, 3);
  hatch(pen, [x, y, 18, 12]);
  x += 26;
  label(t(figure === "settled_at" ? "sweep.none.settled" : "sweep.none.value"));
}
