// Ranges of values, such as `1..8` or `0.001..1 log 10`: one syntax for the page and for the command line.

import { t } from "./words.js";

const MAX_RANGE_VALUES = 1000;
const RANGE = /^(.+?)\.\.(.+?)(?:\s+(step|log)\s+(\S+))?$/;

/** A malformed range; the message says what is right. */
export class MalformedRange extends Error {}

/** The values of a list in which items may be ranges, as texts; only whole ones in logarithmic ranges if `whole`. */
export function expand(text, whole = false) {
  return text.split(",").map((item) => item.trim()).flatMap((item) => {
    const match = RANGE.exec(item);
    return match ? expandRange(item, whole, ...match.slice(1)) : [item];
  });
}

function expandRange(item, whole, first, last, spacing, by) {
  const [low, high] = [number(first), number(last)];
  if (!(low < high)) throw new MalformedRange(t("wrong.range.order", { item }));
  if (spacing === "log") return logarithmic(item, whole, low, high, by);
  if (!spacing && !(Number.isInteger(low) && Number.isInteger(high))) throw new MalformedRange(t("wrong.range.step", { item }));
  const step = spacing ? number(by) : 1;
  if (!(step > 0)) throw new MalformedRange(t("wrong.above", { bound: 0 }));
  const steps = (high - low) / step + 1e-9;
  if (steps >= MAX_RANGE_VALUES) throw new MalformedRange(t("wrong.range.many", { most: MAX_RANGE_VALUES }));
  return Array.from({ length: Math.floor(steps) + 1 }, (_, k) => String(Number((low + k * step).toPrecision(12))));
}

function logarithmic(item, whole, low, high, by) {
  if (!(low > 0)) throw new MalformedRange(t("wrong.range.log"));
  const count = /^\d+$/.test(by) ? Number(by) : 0;
  if (count < 2 || count > MAX_RANGE_VALUES) throw new MalformedRange(t("wrong.range.count", { most: MAX_RANGE_VALUES }));
  const between = Array.from({ length: count - 2 }, (_, k) => Number((low * (high / low) ** ((k + 1) / (count - 1))).toPrecision(4)));
  return [...new Set([low, ...between, high].map((value) => String(whole ? Math.floor(value + 0.5) : Number(value.toPrecision(12)))))];
}

function number(text) {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new MalformedRange(t("wrong.number"));
  return value;
}
