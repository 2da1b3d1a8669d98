// Line styles of compared runs: a colour and a dash pattern for each place in the chart.

import { theme } from "../theme.js";
import { html } from "../ui.js";

const COLOURS = 10;
const DASHES = [undefined, [9, 4], [2, 3], [12, 3, 2, 3]];

export const lineStyle = (place) => ({ colour: () => theme.runs[place % COLOURS], dash: DASHES[Math.floor(place / COLOURS)] });

/** A sample of the line at a place. */
export const Swatch = ({ place }) => html`<svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true"><line x1="1" x2="25" y1="6" y2="6" class=${`run-${place % COLOURS}`} stroke-dasharray=${lineStyle(place).dash?.join(" ")} /></svg>`;
