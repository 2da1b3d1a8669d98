// Training settings in the form: kinds, bounds, defaults, and validation.

import { patternsOf } from "./model.js";
import { state } from "./state.js";
import { t } from "./words.js";

export const MAX_PATTERNS = 8;
export const MAX_BITS = 16;
const LARGEST_SEED = 2 ** 53 - 1;
const number = (rest) => ({ kind: "number", ...rest });
const whole = (rest) => ({ kind: "number", whole: true, ...rest });
const choice = (...options) => ({ kind: "choice", options });

/** All settings. `more`: hidden at first; default `null`: the service chooses the value. */
export const FIELDS = {
  pattern: { kind: "pattern", default: "1010" },
  iterations: whole({ default: 10_000, min: 1, max: 10_000_000 }),
  learning_rate: number({ default: 0.01, greaterThan: 0, max: 10 }),
  hidden_size: whole({ default: 3, min: 1, max: 64 }),
  loss: { ...choice("mse", "bce", "minimax"), default: "mse" },
  optimizer: { ...choice("sgd", "adam"), default: "sgd" },
  latent: { ...choice("constant", "uniform", "normal"), default: "constant" },
  seed: whole({ default: null, min: 0, max: LARGEST_SEED }),
  experiment: { ...choice("gan", "discriminator"), default: "gan", more: true },
  batch_size: whole({ default: 1, min: 1, max: 64, more: true }),
  discriminator_steps: whole({ default: 1, min: 1, max: 10, more: true }),
  r1: number({ default: 0, min: 0, max: 100, more: true }),
  spread: number({ default: 0.2, greaterThan: 0, max: 0.5, more: true }),
  generator_learning_rate: number({ default: null, greaterThan: 0, max: 10, more: true }),
  latent_value: number({ default: 0.5, min: -1000, max: 1000, more: true }),
  backend: { ...choice("compiled", "pytorch"), default: "compiled", more: true },
  record_every: whole({ default: null, min: 1, max: 10_000_000, more: true }),
  snapshot_every: whole({ default: null, min: 1, max: 10_000_000, more: true }),
  name: { kind: "text", default: null, maxLength: 100, more: true },
};

/** Empty fields while the user edits them; the address cannot represent them. */
export const drafts = {};

/** The text of a field: the user's, or else the preset's or the default. */
export function fieldText(name, preset) {
  const typed = drafts[name] ?? state.get(name, null);
  if (typed !== null) return typed;
  return String(preset?.settings[name] ?? FIELDS[name].default ?? "");
}

/** Validate a field's text; return a message, or "". */
export const validationError = (name, text) => mistake(FIELDS[name], text);

function wrongPattern(text) {
  const patterns = patternsOf(text);
  if (patterns.length > MAX_PATTERNS || !patterns.every((pattern) => /^[01]{1,16}$/.test(pattern))) return t(patterns.length > 1 ? "wrong.patterns" : "wrong.pattern", { most: MAX_PATTERNS });
  if (new Set(patterns.map((pattern) => pattern.length)).size > 1) return t("wrong.patterns.length");
  return new Set(patterns).size < patterns.length ? t("wrong.patterns.twice") : "";
}

/** Validate a text as the value of a field; return a message, or "". */
export function mistake(field, text) {
  if (field.kind === "pattern") return wrongPattern(text);
  if (field.kind === "text") return text.length <= field.maxLength ? "" : t("wrong.long", { most: field.maxLength });
  if (field.kind === "choice") return field.options.includes(text) ? "" : t("wrong.choice", { options: field.options.join(", ") });
  if (text.trim() === "") return field.default === null ? "" : t("wrong.empty");
  const value = Number(text);
  if (!Number.isFinite(value)) return t("wrong.number");
  if (field.whole && !Number.isInteger(value)) return t("wrong.whole");
  if (field.greaterThan !== undefined && !(value > field.greaterThan)) return t("wrong.above", { bound: field.greaterThan });
  if (field.min !== undefined && value < field.min) return t("wrong.least", { bound: field.min });
  if (value > field.max) return t("wrong.most", { bound: field.max });
  return "";
}

/** The body of the training request: the preset and the settings that the user changed. */
export function requestBody(preset) {
  const body = { preset: preset.name };
  for (const [name, field] of Object.entries(FIELDS)) {
    const text = state.get(name, null);
    if (text === null || text.trim() === "" || validationError(name, text)) continue;
    body[name] = field.kind === "number" ? Number(text) : text;
  }
  return body;
}

/** Whether the presets are loaded and all fields are valid. */
export const isValid = (preset) => Boolean(preset) && Object.keys(FIELDS).every((name) => !validationError(name, fieldText(name, preset)));

/** Address parameters that fill the form with the settings of a run that were set. */
export function addressOf(config) {
  const patch = { preset: config.preset === "article" ? "" : config.preset };
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = config[name];
    const isDefault = name in config.defaults || (config.preset === "article" && String(value) === String(field.default));
    patch[name] = value === null || value === undefined || isDefault || name === "name" ? "" : value;
  }
  return patch;
}
