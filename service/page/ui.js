// Preact with htm: components return html`<p>…</p>`.

import { Component, createRef, h, render } from "./vendor/preact/preact.mjs";
import htm from "./vendor/htm/htm.module.js";

export const html = htm.bind(h);
export { Component, createRef, render };

/** Join the class names that are truthy: classes("card", active && "active"). */
export const classes = (...names) => names.filter(Boolean).join(" ");
