// Theme: light or dark, by the system or the user, and the colours of the canvases.

import { repaint } from "./player.js";
import { state } from "./state.js";

const COLOURS = ["ink", "quiet", "line", "card", "ground", "real", "fake", "generator", "edge", "low", "high", "best", "even", "accent"];
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

export const theme = {
  colours: {},
  runs: [], // of compared runs
  ramps: {},
  dark: false,
  printing: false, // on paper the page is light, and its charts have the width of the paper
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** The theme of the address, the user's last choice, or the system's. */
const chosen = () => (theme.printing ? "light" : state.get("theme") || loadPreference("theme") || (system.matches ? "dark" : "light"));

/** Apply another theme, if the address asks for it. */
export function followTheme() {
  if (chosen() !== document.documentElement.dataset.theme) applyTheme();
}

/** Apply the chosen theme; all charts are built anew. */
export function applyTheme() {
  const name = chosen();
  theme.dark = name === "dark";
  document.documentElement.dataset.theme = name;
  document.documentElement.toggleAttribute("data-paper", theme.printing);
  const style = getComputedStyle(document.documentElement);
  for (const colour of COLOURS) theme.colours[colour] = style.getPropertyValue(`--${colour}`).trim();
  theme.runs = Array.from({ length: 10 }, (_, k) => style.getPropertyValue(`--run-${k}`).trim());
  theme.ramps = {
    value: ramp([theme.colours.low, theme.colours.high]),
    cell: ramp([theme.colours.low, theme.colours.best]), // the text on each of its colours is the page's
    score: ramp([theme.colours.fake, theme.colours.even, theme.colours.real]),
  };
  for (const listener of listeners) listener();
  repaint();
}

export function chooseTheme(name) {
  savePreference("theme", name);
  state.replace({ theme: "" });
  applyTheme();
}

export const loadPreference = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is disabled
  }
};

export const savePreference = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage is disabled
  }
};

system.addEventListener("change", applyTheme);
for (const type of ["beforeprint", "afterprint"]) {
  addEventListener(type, () => {
    theme.printing = type === "beforeprint";
    applyTheme();
  });
}

/** 256 colours between the stops: packed for ImageData, as CSS, and the readable text colour on each. */
function ramp(stops) {
  const points = stops.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const packed = new Uint32Array(256);
  const css = [];
  const on = [];
  for (let k = 0; k < 256; k++) {
    const place = (k / 255) * (points.length - 1);
    const left = Math.min(Math.floor(place), points.length - 2);
    const [r, g, b] = points[left].map((from, c) => Math.round(from + (place - left) * (points[left + 1][c] - from)));
    packed[k] = (255 << 24) | (b << 16) | (g << 8) | r;
    css.push(`rgb(${r} ${g} ${b})`);
    on.push(luminance(r, g, b) > 0.179 ? "#000" : "#fff"); // at this luminance, black and white have the same contrast (WCAG 2.2, 1.4.3)
  }
  return { packed, css, on };
}

function luminance(...channels) {
  const [r, g, b] = channels.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const slot = (value) => Math.min(Math.max(Math.round(value * 255), 0), 255);
/** The colour of a value from 0 to 1. */
export const shade = (ramp, value) => ramp.css[slot(value)];
/** The readable text colour on that colour. */
export const onShade = (ramp, value) => ramp.on[slot(value)];
