// The settings of a training as a form has them: kinds, bounds and defaults, and what is wrong with what was typed.

import { state } from "./state.js";
import { t } from "./words.js";

const LARGEST_SEED = 2 ** 53 - 1;
const number = (rest) => ({ kind: "number", ...rest });
const whole = (rest) => ({ kind: "number", whole: true, ...rest });
const choice = (...options) => ({ kind: "choice", options });

/** Every setting, as the contract has it; `more`: beginners need not see it. `null`: the service fills it in. */
export const FIELDS = {
  pattern: { kind: "pattern", usual: "1010" },
  iterations: whole({ usual: 10_000, least: 1, most: 10_000_000 }),
  learning_rate: number({ usual: 0.01, above: 0, most: 10 }),
  hidden_size: whole({ usual: 3, least: 1, most: 64 }),
  loss: { ...choice("mse", "bce"), usual: "mse" },
  optimizer: { ...choice("sgd", "adam"), usual: "sgd" },
  latent: { ...choice("constant", "uniform", "normal"), usual: "constant" },
  seed: whole({ usual: null, least: 0, most: LARGEST_SEED }),
  experiment: { ...choice("gan", "discriminator"), usual: "gan", more: true },
  spread: number({ usual: 0.2, above: 0, most: 0.5, more: true }),
  generator_learning_rate: number({ usual: null, above: 0, most: 10, more: true }),
  latent_value: number({ usual: 0.5, least: -1000, most: 1000, more: true }),
  record_every: whole({ usual: null, least: 1, most: 10_000_000, more: true }),
  snapshot_every: whole({ usual: null, least: 1, most: 10_000_000, more: true }),
  name: { kind: "text", usual: null, longest: 100, more: true },
};

/** What is being typed, as long as it is not what the address can hold: an empty field. */
export const drafts = {};

/** What the field shows: what was typed, or what the preset or the default says. */
export function shown(name, preset) {
  const typed = drafts[name] ?? state.get(name, null);
  if (typed !== null) return typed;
  return String(preset?.settings[name] ?? FIELDS[name].usual ?? "");
}

/** What is wrong with the text in that field, or "". */
export function mistake(name, text) {
  const field = FIELDS[name];
  if (field.kind === "pattern") return /^[01]{1,16}$/.test(text) ? "" : t("wrong.pattern");
  if (field.kind === "text") return text.length <= field.longest ? "" : t("wrong.long", { most: field.longest });
  if (field.kind === "choice") return field.options.includes(text) ? "" : t("wrong.choice", { options: field.options.join(", ") });
  if (text.trim() === "") return field.usual === null ? "" : t("wrong.empty");
  const value = Number(text);
  if (!Number.isFinite(value)) return t("wrong.number");
  if (field.whole && !Number.isInteger(value)) return t("wrong.whole");
  if (field.above !== undefined && !(value > field.above)) return t("wrong.above", { bound: field.above });
  if (field.least !== undefined && value < field.least) return t("wrong.least", { bound: field.least });
  if (value > field.most) return t("wrong.most", { bound: field.most });
  return "";
}

/** What the form asks the service for: only what was set. */
export function request(preset) {
  const body = { preset: preset.name };
  for (const [name, field] of Object.entries(FIELDS)) {
    const text = state.get(name, null);
    if (text === null || text.trim() === "" || mistake(name, text)) continue;
    body[name] = field.kind === "number" ? Number(text) : text;
  }
  return body;
}

/** Whether the preset is known by now, and everything that was set can be sent. */
export const valid = (preset) => Boolean(preset) && Object.keys(FIELDS).every((name) => !mistake(name, shown(name, preset)));

/** The address of a form that trains this configuration again; what a preset changes is said, whatever it changes. */
export function asState(config) {
  const patch = { preset: config.preset === "article" ? "" : config.preset };
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = config[name];
    const usual = config.preset === "article" && String(value) === String(field.usual);
    patch[name] = value === null || value === undefined || usual || name === "name" ? "" : value;
  }
  if (config.generator_learning_rate === config.learning_rate) patch.generator_learning_rate = "";
  return { ...patch, record_every: "", snapshot_every: "" };
}
