// Guided paths: the choice between them, and their lists of steps.

import { BEYOND } from "../session.js";
import { state } from "../state.js";
import { classes, html } from "../ui.js";
import { t } from "../words.js";

/** Links to the two paths. */
export function Paths() {
  const current = state.get("path") === BEYOND ? BEYOND : "";
  const go = (path) => (event) => {
    event.preventDefault();
    openPath(path);
  };
  return html`<nav class="paths" aria-label=${t("path.choose")}>${["", BEYOND].map((path) => html`<a href=${path ? `?path=${path}` : "?"} class=${classes("chip", path === current && "here")}
    aria-current=${path === current ? "true" : undefined} onClick=${go(path)}>${t(`path.${path || "article"}`)}</a>`)}</nav>`;
}

export function openPath(path) {
  state.push({ path, step: path ? 1 : "", at: "" });
  scrollTo(0, 0);
}

/** After an update of a view: focus the title of a new step, so that it is announced, unless the user is in the list of steps. */
export function focusTitle(view) {
  const step = state.get("step");
  if (step !== (view.shownStep ?? step) && !document.activeElement.closest(".steps")) document.querySelector("#stage-title").focus({ preventScroll: true });
  view.shownStep = step;
}

/** The steps of a path: `names` are the keys of their titles, the first is number 1. */
export const Steps = ({ names, current, isDone, go }) => html`<nav class="steps" aria-label=${t("guided.steps")}><ol>${names.map((name, k) => {
  const [here, done] = [k + 1 === current, isDone(name, k + 1)];
  return html`<li class=${classes(here && "here", done && "done")}><button type="button" aria-current=${here ? "step" : undefined} onClick=${() => go(k + 1)}>
    <span class="step-number">${done && !here ? "✓" : k + 1}</span><span class="step-title">${t(`guided.${name}.title`)}</span></button></li>`;
})}</ol></nav>`;
