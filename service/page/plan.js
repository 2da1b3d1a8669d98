// Plan of a sweep: the settings that can vary, and the plan in the address.

import { expand } from "./ranges.js";
import { cleaned, FIELDS, INCIDENTAL, mistake } from "./settings.js";
import { state } from "./state.js";
import { t } from "./words.js";

export const MAX_MEMBERS = 1_000_000;
export const ARTICLE = "article";
const DEFAULT_GRID = "learning_rate=0.001..1 log 7;hidden_size=1..6";
/** The settings that a sweep can vary. */
export const SWEPT = Object.keys(FIELDS).filter((name) => !INCIDENTAL.has(name));
/** Values to begin with, of settings whose default alone would say little. */
const FIRST_VALUES = {
  learning_rate: "0.001..1 log 7",
  generator_learning_rate: "0.001..1 log 7",
  hidden_size: "1..6",
  iterations: "1000..100000 log 5",
  spread: "0.1..0.5 step 0.1",
  latent_value: "0..1 step 0.25",
  pattern: "10,1010,101010",
  batch_size: "1,4,16",
  discriminator_steps: "1..4",
  r1: "0,0.1,1",
};

/** Values to begin with when a setting is chosen. */
export const firstValues = (name) => FIRST_VALUES[name] ?? FIELDS[name].options.join();

/** A list of settings in the address, as [name, text] pairs: `learning_rate=0.01,0.1;loss=mse`. */
export const readPairs = (name, fallback = "") =>
  state.get(name, fallback).split(";").filter((part) => part.includes("=")).map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]);
export const writePairs = (pairs) => pairs.map(([name, text]) => `${name}=${text.replaceAll(";", "")}`).join(";") || "none";

export const readGrid = () => readPairs("grid", DEFAULT_GRID);
export const readBase = () => readPairs("base").filter(([name]) => name !== "preset");
export const readPreset = () => readPairs("base").find(([name]) => name === "preset")?.[1] ?? ARTICLE;

export const writeBase = (pairs, preset) => writePairs([...(preset === ARTICLE ? [] : [["preset", preset]]), ...pairs]).replace(/^none$/, "");

/** The plan of a sweep in the address, so that it can be changed and started again. */
export function planOf({ config: { base, grid, seeds } }) {
  const { preset = ARTICLE, ...kept } = base;
  return { grid: writePairs(Object.entries(grid).map(([name, values]) => [name, values.map(String).join()])), base: writeBase(Object.entries(kept).map(([name, value]) => [name, String(value)]), preset), seeds: seeds.count, called: "" };
}

/** The values of a text, and what is wrong with it: `{ values, wrong }`. */
export function parse(field, text) {
  const normal = text.normalize("NFKC").replaceAll("、", ","); // full-width digits and commas
  if (!normal.replaceAll(",", "").trim()) return { values: [], wrong: t("wrong.empty") };
  try {
    const texts = (field.kind === "number" ? expand(normal, field.whole) : normal.split(",").map((part) => part.trim())).filter(Boolean);
    const unset = (one) => one === "null" && field.default === null; // as on the command line
    const values = field.kind === "number" ? texts.map((one) => (unset(one) ? null : Number(one))) : texts;
    const wrong = texts.map((one) => (unset(one) ? "" : mistake(field, one))).find(Boolean) ?? (new Set(values).size < values.length ? t("wrong.twice") : "");
    return { values, wrong };
  } catch (error) {
    return { values: [], wrong: error.message };
  }
}

/** The planned sweep: the request's body, the number of GANs, and messages by setting. */
export function readPlan() {
  const rows = (pairs) => pairs.filter(([name]) => SWEPT.includes(name)).map(([name, text]) => ({ name, text, ...parse(FIELDS[name], text) }));
  const [grid, base] = [rows(readGrid()), rows(readBase())];
  for (const row of base) if (!row.wrong && row.values.length > 1) row.wrong = t("sweep.one");
  const seeds = cleaned({ kind: "number" }, state.get("seeds", "100"));
  const wrongSeeds = /^[1-9]\d{0,6}$/.test(seeds) ? "" : t("wrong.seeds");
  const cells = grid.reduce((product, { values }) => product * values.length, 1);
  const members = cells * Number(seeds);
  const isValid = !wrongSeeds && ![...grid, ...base].some((row) => row.wrong) && members <= MAX_MEMBERS;
  const preset = readPreset();
  const body = {
    base: { ...(preset !== ARTICLE && { preset }), ...Object.fromEntries(base.map(({ name, values }) => [name, values[0]])) },
    grid: Object.fromEntries(grid.map(({ name, values }) => [name, values])),
    seeds: Number(seeds),
    ...(state.get("called").trim() && { name: state.get("called").trim() }),
  };
  return { grid, base, preset, seeds, wrongSeeds, cells, members, isValid, body };
}
