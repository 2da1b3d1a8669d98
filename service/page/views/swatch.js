// Line styles of compared runs: a colour and a dash pattern each.

import { html } from "../ui.js";

const COLOURS = ["real", "fake", "generator", "ink"];
const DASHES = [undefined, [10, 5], [2, 4]];

/** The style of the run at that place; no two have the same colour and dashes. */
export const style = (place) => ({ name: COLOURS[place % COLOURS.length], dash: DASHES[(Math.floor(place / COLOURS.length) + place) % DASHES.length] });

/** A sample of the run's line. */
export function Swatch({ place }) {
  const { dash, name } = style(place);
  return html`<svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true"><line x1="1" x2="25" y1="6" y2="6" class=${`run-${name}`} stroke-dasharray=${dash?.join(" ")} /></svg>`;
}
