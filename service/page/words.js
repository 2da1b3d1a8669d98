// Translations, and numbers in the format of the language.

import { savePreference, loadPreference } from "./theme.js";
import { state } from "./state.js";

const LANGUAGES = { en: "English", zh: "中文" };
let dictionary = {};
let formats = {};
const parts = new Set([""]); // of the texts: the page's own, and those that load with a part of it
export const words = { language: "", languages: LANGUAGES };

/** Load the language of the address, the user's last choice, or the browser's. */
export async function loadWords() {
  const preferred = state.get("lang") || loadPreference("language") || navigator.languages.find((name) => name.slice(0, 2) in LANGUAGES) || "en";
  const language = preferred.slice(0, 2) in LANGUAGES ? preferred.slice(0, 2) : "en";
  if (language === words.language) return;
  await loadTexts(language);
  words.language = language;
  formats = {};
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = t("title");
}

/** Load the texts of a part of the page, in each language that is chosen from now on. */
export function addWords(part) {
  parts.add(part);
  return loadTexts(words.language);
}

async function loadTexts(language) {
  const modules = await Promise.all([...parts].map((part) => import(`./i18n/${language}${part}.js`)));
  dictionary = Object.assign({}, ...modules.map((module) => module.default));
}

export async function chooseLanguage(language) {
  savePreference("language", language);
  state.replace({ lang: "" });
  await loadWords();
}

/** Translate `key`; replace each {name}, and each {name:one|many} by the number. */
export function t(key, values = {}) {
  const text = dictionary[key] ?? key;
  return text.replaceAll(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (all, name, one, many) => (many === undefined ? (values[name] ?? all) : String(values[name]) === "1" ? one : many));
}

/** What stands between two sentences: Chinese full stops contain their space. */
export const gap = () => (words.language === "zh" ? "" : " ");

/** Whether the key has a translation. */
export const hasWords = (key) => key in dictionary;

/** The displayed name of a setting's value. */
export const displayed = (value) => [`choice.${value}`, `preset.${value}.name`].filter(hasWords).map((key) => t(key))[0] ?? String(value);

function format(value, options) {
  const key = JSON.stringify(options);
  formats[key] ??= new Intl.NumberFormat(words.language, options);
  return formats[key].format(value).replace("-", "−");
}

/** A vector as text: its values, or the bits of a long one. */
export const vector = (values) => (values.length > 8 ? Array.from(values, Math.round).join("") : Array.from(values, (value) => fine(value)).join(" · "));

export const whole = (value) => format(Math.round(value), {});
/** A value between 0 and 1, or a loss. */
export const fine = (value, digits = 2) =>
  Number.isFinite(value) ? format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative" }) : "–";
export const percent = (value) => format(value, { style: "percent", maximumFractionDigits: 1 });
export const wholePercent = (value) => format(value, { style: "percent", maximumFractionDigits: 0 });
export const exact = (value) => format(value, { maximumSignificantDigits: 15 });
/** Shares of a whole, rounded to whole percents that sum to its 100: the largest remainders are rounded up. */
export function wholeParts(shares) {
  const parts = shares.map((share) => Math.floor(100 * share + 1e-9));
  const missing = Math.round(100 * shares.reduce((sum, share) => sum + share, 0)) - parts.reduce((sum, part) => sum + part, 0);
  const remainders = shares.map((share, k) => Math.round(1e6 * (100 * share - parts[k])));
  const byRemainder = shares.map((_, k) => k).sort((a, b) => remainders[b] - remainders[a] || shares[b] - shares[a]);
  for (const k of byRemainder.slice(0, missing)) parts[k]++;
  return parts.map((part) => wholePercent(part / 100));
}

/** A number with three significant digits, or more. */
export const short = (value, digits = 3) => format(value, { maximumSignificantDigits: digits });

/** A small number such as 1.5 × 10⁻⁷. */
export function scientific(value) {
  if (!value) return "0";
  const [digits, exponent] = value.toExponential(1).split("e");
  const power = `10${exponent.replace("+", "").replaceAll(/[-\d]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]))}`;
  return +digits === 1 ? power : `${format(+digits, {})}\u00a0×\u00a0${power}`;
}

/** A duration: "3 ms", "2.1 s", "4 min". */
export function span(seconds) {
  if (seconds < 1) return t("time.ms", { n: short(Math.max(seconds * 1000, 0.01)) });
  if (seconds < 90) return t("time.s", { n: short(seconds) });
  if (seconds < 5400) return t("time.min", { n: whole(seconds / 60) });
  return t("time.h", { n: short(seconds / 3600) });
}

/** The time since then. */
export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (seconds < 5) return t("time.now");
  return t("time.ago", { span: span(seconds < 90 ? Math.round(seconds) : seconds) });
}
