// Preact and htm, tied together once: components say html`<p>…</p>`.

import { Component, createRef, h, render } from "./vendor/preact/preact.mjs";
import htm from "./vendor/htm/htm.module.js";

export const html = htm.bind(h);
export { Component, createRef, render };

/** The class names that hold, in one string: classes("card", active && "active"). */
export const classes = (...names) => names.filter(Boolean).join(" ");
