// Preact with htm: components return html`<p>…</p>`.

import { Component, createRef, h, render } from "./vendor/preact/preact.mjs";
import htm from "./vendor/htm/htm.module.js";

export const html = htm.bind(h);
export { Component, createRef, render };

/** Join the class names that are truthy: classes("card", active && "active"). */
export const classes = (...names) => names.filter(Boolean).join(" ");

/** Mark a scrolling box while something is cut at its right. */
export const markCut = (box) => box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);

/** A component whose module is loaded when it is first rendered, to keep the page small. */
export const lazy = (load) =>
  class extends Component {
    render(props, { Loaded }) {
      if (!Loaded) load().then((loaded) => this.setState({ Loaded: loaded.default }));
      return Loaded && html`<${Loaded} ...${props} />`;
    }
  };
