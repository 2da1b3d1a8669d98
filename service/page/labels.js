// Settings, runs and sweeps in words.

import { FIELDS, INCIDENTAL } from "./settings.js";
import { displayed, exact, hasWords, short, t, whole } from "./words.js";

/** Settings that make another GAN, in the order of the form; the iterations come last. */
const DESCRIBED = [...Object.keys(FIELDS).filter((name) => !INCIDENTAL.has(name) && name !== "iterations"), "iterations"];

/** The value of a setting as text, with separators of thousands. */
export const settingText = (value) => (typeof value === "number" ? exact(value) : displayed(value));

const join = (parts) => parts.filter(Boolean).join(" · ");

/** Settings with their values in a few words: "rate 0.5 · 16 hidden units". */
const brief = (config, names) => join(names.map((name) => {
  const value = settingText(config[name]);
  return (hasWords(`brief.${name}`) ? t(`brief.${name}`, { value }) : value).replaceAll(" ", "\u00a0");
}));

const follows = (config, name) => name in config.defaults || (name === "generator_learning_rate" && config[name] === config.learning_rate);
const isOther = (config) => (name) => config[name] !== FIELDS[name].default && !follows(config, name);

/** What differs from the article, and the seed where nothing does. The name of a run without one has its pattern. */
export function describe(job) {
  const names = DESCRIBED.filter(isOther(job.config));
  const told = names.filter((name) => job.name || (name !== "pattern" && name !== "experiment"));
  return brief(job.config, told) || join([!names.length && t("brief.article"), t("brief.seed", { value: job.config.seed })]);
}

/** The names of the settings that differ among runs: not the seed, and none that only follows another. */
export const differing = (configs) =>
  [...DESCRIBED, ...INCIDENTAL].filter((name) => !["name", "seed"].includes(name) && new Set(configs.map((config) => config[name])).size > 1 && !configs.every((config) => follows(config, name)));

export const fieldName = (name) => t(`field.${name}`);

/** A setting's value in words, rounded to three digits. */
export const valueName = (value) => (value === null || value === undefined ? t("field.filled") : typeof value === "number" ? short(value) : displayed(value));

export const settingName = (name, value) => t("sweep.pair", { name: fieldName(name), value: valueName(value) });

/** A sweep's name, or else the settings that vary. */
export function sweepName(job) {
  if (job.name) return job.name;
  const names = Object.entries(job.config.grid).filter(([, values]) => values.length > 1).map(([name]) => fieldName(name));
  return names.join(" × ") || t("sweep.name", { count: whole(job.iterations) });
}

/** Settings in words, with a preset's name. */
export const nameSettings = (pairs) => join(pairs.map(([name, value]) => (name === "preset" ? displayed(value) : settingName(name, value))));

/** The settings of a sweep in words: its base, and how many GANs. */
export function sweepSettings(job) {
  const { base, grid, seeds } = job.config;
  const fixed = [...Object.entries(base), ...Object.entries(grid).filter(([, values]) => values.length === 1).map(([name, [value]]) => [name, value])];
  const sizes = Object.values(grid).map((values) => values.length).filter((length) => length > 1);
  return join([t("sweep.size", { cells: sizes.join(" × ") || "1", count: whole(seeds.count) }), nameSettings(fixed)]);
}
