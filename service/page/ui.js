// Preact with htm: components return html`<p>…</p>`.

import { Component, createRef, h, render } from "./vendor/preact/preact.mjs";
import htm from "./vendor/htm/htm.module.js";

export const html = htm.bind(h);
export { Component, createRef, render };

/** Join the class names that are truthy: classes("card", active && "active"). */
export const classes = (...names) => names.filter(Boolean).join(" ");

/** Mark a scrolling box while something is cut at its right. */
export const markCut = (box) => box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);

/** Scroll to a part of the page and focus its heading. */
export function reveal(selector) {
  const part = document.querySelector(selector);
  part.scrollIntoView();
  part.querySelector("h2").focus({ preventScroll: true });
}

/** A component whose module is loaded when it is first rendered, to keep the page small. */
export const lazy = (load) => {
  let Loaded = null;
  return class extends Component {
    render(props) {
      if (Loaded) return html`<${Loaded} ...${props} />`;
      load().then((loaded) => {
        Loaded = loaded.default;
        this.setState({});
      });
      return null;
    }
  };
};
