// Every word on the page, in the reader's language, and numbers as that language writes them.

import { remember, remembered } from "./theme.js";
import { state } from "./state.js";

const LANGUAGES = { en: "English", zh: "中文" };
let dictionary = {};
let formats = {};
export const words = { language: "", languages: LANGUAGES };

/** Fetch the words of the address's language, the reader's last choice, or the browser's. */
export async function loadWords() {
  const wanted = state.get("lang") || remembered("language") || navigator.languages.find((name) => name.slice(0, 2) in LANGUAGES) || "en";
  const language = wanted.slice(0, 2) in LANGUAGES ? wanted.slice(0, 2) : "en";
  if (language === words.language) return;
  dictionary = (await import(`./i18n/${language}.js`)).default;
  words.language = language;
  formats = {};
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = t("title");
}

export async function chooseLanguage(language) {
  remember("language", language);
  state.adjust({ lang: "" });
  await loadWords();
}

/** The words of `key`, with each {name} filled in. */
export function t(key, values = {}) {
  const text = dictionary[key] ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** Whether there are words of that key. */
export const known = (key) => key in dictionary;

function format(value, options) {
  const key = JSON.stringify(options);
  formats[key] ??= new Intl.NumberFormat(words.language, options);
  return formats[key].format(value);
}

/** A vector in a sentence: its values, or where they would be too many its bits. */
export const vector = (values) => (values.length > 8 ? Array.from(values, Math.round).join("") : Array.from(values, (value) => fine(value)).join(" · "));

export const whole = (value) => format(Math.round(value), {});
/** A value between 0 and 1, or a loss. */
export const fine = (value, digits = 2) =>
  Number.isFinite(value) ? format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits }) : "–";
export const percent = (value) => format(value, { style: "percent", maximumFractionDigits: 1 });
/** As few digits as say it. */
export const short = (value) => format(value, { maximumSignificantDigits: 3 });

/** A span of time: "3 ms", "2.1 s", "4 min". */
export function span(seconds) {
  if (seconds < 1) return t("time.ms", { n: short(Math.max(seconds * 1000, 0.01)) });
  if (seconds < 90) return t("time.s", { n: short(seconds) });
  if (seconds < 5400) return t("time.min", { n: whole(seconds / 60) });
  return t("time.h", { n: short(seconds / 3600) });
}

/** How long ago that was. */
export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (seconds < 5) return t("time.now");
  return t("time.ago", { span: span(seconds < 90 ? Math.round(seconds) : seconds) });
}
