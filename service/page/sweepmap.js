// Map of a sweep's cells: which setting is on which axis, the figures, and their colours. Dark is good in every figure.

import { settingName } from "./labels.js";
import { readPairs } from "./plan.js";
import { session } from "./session.js";
import { state } from "./state.js";
import { gap, hasWords, percent, short, t, whole } from "./words.js";

const FIGURES = ["in_range_rate", "bits_rate", "settled_at", "generator_loss"];
const NO_FIGURES = new Set(["cell", "config", "count", "discriminator_real_loss", "discriminator_fake_loss"]);
const NEEDS = { covers_all_rate: "pattern", covered: "pattern", quality: "latent", diversity: "latent" }; // with one pattern or a constant latent, they repeat another figure
const LOW_IS_GOOD = /loss|settled/;
const IS_SHARE = /rate$|^quality$/;

/** The figures of cells: those that this page knows, then the others that the service sends and that say more of these GANs. */
export function figuresOf(job, cells) {
  const { grid, base } = job.config;
  const preset = session.presets.find(({ name }) => name === base.preset)?.settings;
  const takes = (name, test) => (grid[name] ?? [base[name] ?? preset?.[name] ?? ""]).some(test);
  const needs = { pattern: takes("pattern", (value) => value.includes("+")), latent: takes("latent", (value) => value && value !== "constant") };
  const sent = Object.keys(cells[0] ?? {}).filter((name) => !NO_FIGURES.has(name) && (needs[NEEDS[name]] ?? true));
  return [...FIGURES, ...sent.filter((name) => !FIGURES.includes(name))];
}

export const figureName = (name) => (hasWords(`question.${name}`) ? t(`question.${name}`) : name.replaceAll("_", " "));

/** A cell's value of a figure; null without one. */
export function valueOf(cell, figure) {
  if (!cell?.count) return null;
  return (figure === "settled_at" ? cell.settled_at?.p50 : cell[figure]) ?? null;
}

export function formatFigure(figure, value) {
  if (IS_SHARE.test(figure)) return percent(value);
  return figure === "settled_at" ? whole(value) : short(value);
}

/** The small line below a value: of how many GANs, or the unit. */
export const unitOf = (figure, cell) => (figure === "settled_at" ? t("sweep.iterations") : figure.endsWith("rate") ? t("sweep.of", { count: whole(cell.count) }) : "");

/** The worst and the best value on the scale of colours; null without any value. */
export function scaleOf(figure, cells) {
  if (IS_SHARE.test(figure)) return [0, 1];
  const known = cells.map((cell) => valueOf(cell, figure)).filter((value) => value !== null);
  if (!known.length) return null;
  let [low, high] = [known[0], known[0]];
  for (const value of known) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return LOW_IS_GOOD.test(figure) ? [high, low] : [low, high];
}

/** A value's place on the scale: 0 is the worst, 1 the best. */
export const shareOf = ([worst, best], value) => (worst === best ? 1 : (value - worst) / (best - worst));

/** The length of a bar from 0 to 1, which is proportional to the value. */
export const lengthOf = (figure, scale, value) => (IS_SHARE.test(figure) ? value : Math.abs(value) / (Math.max(...scale.map(Math.abs)) || 1));

/** The best value of a figure, how many cells have it, the figures that decide between them, and the best cell if one is; null without any value. */
export function bestOf(figure, cells) {
  const keys = [figure, ...FIGURES.filter((name) => name !== figure && name !== "generator_loss")];
  const score = (cell, name) => {
    const value = valueOf(cell, name);
    return value === null ? -Infinity : LOW_IS_GOOD.test(name) ? -value : value;
  };
  let left = cells.filter((cell) => valueOf(cell, figure) !== null);
  if (!left.length) return null;
  const best = { by: [] };
  for (const key of keys) {
    const top = left.reduce((most, cell) => Math.max(most, score(cell, key)), -Infinity);
    const next = left.filter((cell) => score(cell, key) === top);
    best.ties ??= next.length;
    if (key !== figure && next.length < left.length) best.by.push(key);
    left = next;
  }
  return { ...best, value: valueOf(left[0], figure), cell: left.length === 1 ? left[0] : null };
}

/** The best value in words, and by what the best cell, whose name follows, was chosen. */
export function bestWords(figure, { ties, by, value, cell }) {
  const words = t(ties > 1 ? "sweep.tied" : "sweep.best", { count: whole(ties), figure: figureName(figure), value: formatFigure(figure, value) });
  const last = by.at(-1);
  return ties > 1 && cell ? `${words}${gap()}${t("sweep.tied.by", { by: by.map(figureName).join(t("list.comma")), value: formatFigure(last, valueOf(cell, last)) })}` : words;
}

const rising = (values) => values.map((value, place) => ({ value, place })).sort((a, b) => (typeof a.value === "number" && typeof b.value === "number" ? a.value - b.value : 0));

/** Arrange the cells: the axes of the address or the grid's order, a panel for each value of a third, a choice for each other. */
export function layOut(job, cells) {
  const names = Object.keys(job.config.grid);
  const byNumber = new Map(cells.map((cell) => [cell.cell, cell]));
  const strides = {};
  names.reduceRight((stride, name) => {
    strides[name] = stride;
    return stride * job.config.grid[name].length;
  }, 1);
  const vary = names.filter((name) => job.config.grid[name].length > 1);
  const wanted = (key) => (vary.includes(state.get(key)) ? state.get(key) : null);
  const x = vary.length < 2 ? null : (wanted("across") ?? vary.find((name) => name !== wanted("down")));
  const down = (wanted("down") !== x && wanted("down")) || (vary.find((name) => name !== x) ?? null);
  const [panel = null, ...others] = vary.filter((name) => name !== x && name !== down);
  const axis = (name) => (name ? { name, values: rising(job.config.grid[name]) } : { name: null, values: [{ value: null, place: 0 }] });
  const picked = Object.fromEntries(readPairs("pick"));
  const choices = others.map((name) => {
    const { values } = axis(name);
    return { name, values, chosen: values.find(({ value }) => String(value) === picked[name]) ?? values[0] };
  });
  const base = choices.reduce((sum, { name, chosen }) => sum + strides[name] * chosen.place, 0);
  const step = (name, place) => (name ? strides[name] * place : 0);
  const [columns, rows, panels] = [axis(x), axis(down), axis(panel)];
  return {
    vary, choices, columns, rows, panels,
    size: columns.values.length * rows.values.length * panels.values.length,
    at: (column, row, place) => byNumber.get(base + step(x, column.place) + step(down, row.place) + step(panel, place.place)) ?? null,
  };
}

/** The settings of a cell in words. */
export const cellName = (cell) => Object.entries(cell.config).map(([name, value]) => settingName(name, value)).join(" · ");
