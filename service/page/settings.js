// Training settings in the form: kinds, bounds, defaults, and validation.

import { patternsOf } from "./model.js";
import { state } from "./state.js";
import { exact, t, whole } from "./words.js";

export const MAX_PATTERNS = 8;
export const MAX_BITS = 16;
const LARGEST_SEED = 2 ** 53 - 1;
const number = (rest) => ({ kind: "number", ...rest });
const integer = (rest) => ({ kind: "number", whole: true, ...rest });
const choice = (...options) => ({ kind: "choice", options });

/** All settings. `more`: hidden at first; default `null`: the service chooses the value. */
export const FIELDS = {
  pattern: { kind: "pattern", default: "1010" },
  iterations: integer({ default: 10_000, min: 1, max: 10_000_000 }),
  learning_rate: number({ default: 0.01, greaterThan: 0, max: 10 }),
  hidden_size: integer({ default: 3, min: 1, max: 64 }),
  optimizer: { ...choice("sgd", "adam"), default: "sgd" },
  loss: { ...choice("mse", "bce", "minimax"), default: "mse" },
  latent: { ...choice("constant", "uniform", "normal"), default: "constant" },
  seed: integer({ default: null, min: 0, max: LARGEST_SEED }),
  experiment: { ...choice("gan", "discriminator"), default: "gan", more: true },
  batch_size: integer({ default: 1, min: 1, max: 64, more: true }),
  discriminator_steps: integer({ default: 1, min: 1, max: 10, more: true }),
  r1: number({ default: 0, min: 0, max: 100, more: true }),
  spread: number({ default: 0.2, greaterThan: 0, max: 0.5, more: true }),
  generator_learning_rate: number({ default: null, greaterThan: 0, max: 10, more: true }),
  latent_value: number({ default: 0.5, min: -1000, max: 1000, more: true }),
  backend: { ...choice("compiled", "pytorch"), default: "compiled", more: true },
  record_every: integer({ default: null, min: 1, max: 10_000_000, more: true }),
  snapshot_every: integer({ default: null, min: 1, max: 10_000_000, more: true }),
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

/** A field's text as the service expects it: half-width, without spaces around it, and numbers without separators of thousands. */
export function cleaned({ kind }, text) {
  if (kind === "text") return text;
  const plain = text.normalize("NFKC").trim();
  if (kind === "pattern") return plain.replaceAll(/\s/g, "").replaceAll(/[,;、]/g, "+");
  return kind === "number" && /^\d{1,3}([, ]\d{3})+$/.test(plain) ? plain.replaceAll(/\D/g, "") : plain;
}

/** A field's text while it is not edited: large numbers with separators of thousands, as in the rest of the page. */
export const readable = ({ whole: isWhole }, text) => (isWhole && /^\d{4,15}$/.test(text) ? whole(text) : text);

/** The value of a field's text; null if it is empty. */
export function valueOf(name, text) {
  const plain = cleaned(FIELDS[name], text);
  if (plain === "") return null;
  return FIELDS[name].kind === "number" ? Number(plain) : plain;
}

const presetValue = (name, preset) => preset?.settings[name] ?? FIELDS[name].default;

/** Settings that make no other GAN. */
export const INCIDENTAL = new Set(["seed", "name", "backend", "record_every", "snapshot_every"]);

/** Whether the user has changed a setting of the preset. */
export const isEdited = (preset) => Object.keys(FIELDS).some((name) => !INCIDENTAL.has(name) && valueOf(name, fieldText(name, preset)) !== presetValue(name, preset));

/** The settings of a run that were set: the names of those that differ from the article, and of the others. */
export function compareWithArticle(config) {
  const differs = (name) => config[name] !== FIELDS[name].default;
  const names = Object.keys(FIELDS).filter((name) => name !== "seed" && name !== "name" && !(name in config.defaults));
  return [names.filter(differs), names.filter((name) => !differs(name))];
}

/** The settings in which the form differs from a run; a seed only if it is locked. */
export const differencesFrom = (config, preset) => Object.keys(FIELDS).filter((name) => {
  const value = valueOf(name, fieldText(name, preset));
  if (name === "name" || (name === "seed" && value === null)) return false;
  return value !== (name in config.defaults ? null : config[name]);
});

/** Validate a field's text; return a message, or "". */
export const validationError = (name, text) => mistake(FIELDS[name], cleaned(FIELDS[name], text));

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
  if (field.whole && /^\d{1,3}\.000$/.test(text)) return t("wrong.point", { few: parseInt(text, 10), many: text.replace(".", "") });
  const value = Number(text);
  const written = field.whole ? whole : exact;
  if (!Number.isFinite(value)) return t("wrong.number");
  if (field.whole && !Number.isInteger(value)) return t("wrong.whole");
  if (field.greaterThan !== undefined && !(value > field.greaterThan)) return t("wrong.above", { bound: written(field.greaterThan) });
  if (field.min !== undefined && value < field.min) return t("wrong.least", { bound: written(field.min) });
  if (value > field.max) return t("wrong.most", { bound: written(field.max) });
  return "";
}

/** The body of the training request: the preset and the settings that the user changed. */
export function requestBody(preset) {
  const body = { preset: preset.name };
  for (const name of Object.keys(FIELDS)) {
    const text = state.get(name, null);
    if (text === null || text.trim() === "" || validationError(name, text)) continue;
    body[name] = valueOf(name, text);
  }
  return body;
}

/** The names of the fields that are not valid. */
export const wrongFields = (preset) => Object.keys(FIELDS).filter((name) => validationError(name, fieldText(name, preset)));

/** Address parameters that fill the form with the settings of a run that were set. */
export function addressOf(config, presets) {
  const preset = presets.find(({ name }) => name === config.preset);
  const patch = { preset: config.preset === "article" ? "" : config.preset };
  for (const name of Object.keys(FIELDS)) {
    const value = config[name];
    const isDefault = name in config.defaults || (preset && value === presetValue(name, preset));
    patch[name] = value === null || value === undefined || isDefault || name === "name" ? "" : value;
  }
  return patch;
}
