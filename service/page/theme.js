// Light or dark: by the system's wish or the reader's, and the colours for what is drawn on canvas.

import { repaint } from "./player.js";
import { state } from "./state.js";

const NAMES = ["ink", "quiet", "line", "card", "ground", "real", "fake", "generator", "low", "high", "even", "accent"];
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

export const theme = {
  colours: {},
  ramps: {},
  dark: false,
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Take what the address says, or the reader's last choice, or the system's. */
export function applyTheme() {
  const wanted = state.get("theme") || remembered("theme") || (system.matches ? "dark" : "light");
  theme.dark = wanted === "dark";
  document.documentElement.dataset.theme = wanted;
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) theme.colours[name] = style.getPropertyValue(`--${name}`).trim();
  theme.ramps = {
    value: ramp([theme.colours.low, theme.colours.high]),
    score: ramp([theme.colours.fake, theme.colours.even, theme.colours.real]),
  };
  for (const listener of listeners) listener();
  repaint();
}

export function chooseTheme(name) {
  remember("theme", name);
  state.adjust({ theme: "" });
  applyTheme();
}

export const remembered = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
};

export const remember = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // it is only asked again
  }
};

system.addEventListener("change", applyTheme);

/** 256 colours from the first to the last: packed for ImageData, as CSS, and what can be read on each: black or white. */
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
    on.push(luminance(r, g, b) > 0.179 ? "#000" : "#fff"); // where both have the same contrast (WCAG 2.2, 1.4.3)
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
/** What can be read on that colour. */
export const onShade = (ramp, value) => ramp.on[slot(value)];
