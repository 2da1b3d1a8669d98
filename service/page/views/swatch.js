// Line styles of compared runs: a colour and a dash pattern, which a run keeps while the page is open.

import { theme } from "../theme.js";
import { html } from "../ui.js";

export const COLOURS = 10;
const DASHES = [undefined, [9, 4], [2, 3], [12, 3, 2, 3]];
export const MAX_STYLES = COLOURS * DASHES.length;
const places = new Map(); // by job id

/** Give each of these runs a style of its own: the one that it had, or else one by its id, a new colour if there is one. */
export function assignStyles(ids) {
  const taken = new Set(ids.map((id) => places.get(id)));
  for (const id of ids) {
    if (places.has(id)) continue;
    const preferred = parseInt(id.slice(-6), 16);
    const free = (k) => !taken.has(Math.floor(k / COLOURS) * COLOURS + ((preferred + k) % COLOURS));
    const k = [...Array(MAX_STYLES).keys()].find(free) ?? 0;
    const place = Math.floor(k / COLOURS) * COLOURS + ((preferred + k) % COLOURS);
    places.set(id, place);
    taken.add(place);
  }
  for (const id of places.keys()) if (!ids.includes(id) && places.size > 4 * MAX_STYLES) places.delete(id);
}

export const style = (id) => ({ colour: () => theme.runs[places.get(id) % COLOURS], dash: DASHES[Math.floor(places.get(id) / COLOURS)], place: places.get(id) });

/** A sample of the run's line. */
export function Swatch({ id }) {
  const { dash, place } = style(id);
  return html`<svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true"><line x1="1" x2="25" y1="6" y2="6" class=${`run-${place % COLOURS}`} stroke-dasharray=${dash?.join(" ")} /></svg>`;
}
