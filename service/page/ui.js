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

/** A component whose module, and style sheet beside it, are loaded when it is first rendered, to keep the page small. */
export const lazy = (load, styles) => {
  let loading = null;
  let Loaded = null;
  return class extends Component {
    render(props) {
      if (Loaded) return html`<${Loaded} ...${props} />`;
      loading ??= Promise.all([load(), styles && loadStyles(styles)]);
      loading.then(([loaded]) => {
        Loaded = loaded.default;
        this.setState({});
      }, () => (loading = null)); // the next rendering tries again
      return null;
    }
  };
};

/** Load a view's style sheet; done when it applies. */
const loadStyles = (name) => new Promise((done, fail) => {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `assets/views/${name}.css`, onload: done, onerror: fail }));
});
