// Shared parts: a vector as cells, D's score on a scale, a row of bits, and the line of a compared run.

import { patternsOf } from "../model.js";
import { onShade, shade, theme } from "../theme.js";
import { classes, html } from "../ui.js";
import { fine, gap, t, vector } from "../words.js";

/** A vector as coloured cells with their values. */
export const Cells = ({ values, label, kind }) => html`<div class=${classes("cells", kind, values.length > 5 && "many")} style=${{ "--columns": values.length > 8 ? Math.ceil(values.length / 2) : values.length }} role="img" aria-label=${`${label}: ${vector(values)}`}>
  ${values.map((value) => html`<span style=${{ background: shade(theme.ramps.value, value), color: onShade(theme.ramps.value, value) }} class="cell">${fine(value)}</span>`)}
</div>`;

const GRADES = [[0.75, "real"], [0.55, "rather.real"], [0.45, "unsure"], [0.25, "rather.fake"], [-Infinity, "fake"]]; // from these scores on

/** D's score from 0 (fake) to 1 (real), on a scale and in words. */
export function Verdict({ score }) {
  const words = GRADES.find(([least]) => score >= least)?.[1] ?? "unsure";
  return html`<div class="verdict">
    <div class="verdict-scale" role="img" aria-label=${t("verdict.label", { score: fine(score) })}><span class="verdict-mark" style=${{ left: `${score * 100}%` }} /></div>
    <div class="verdict-ends" aria-hidden="true"><span>${t("machine.sure.fake")}</span><span>${t("machine.sure.real")}</span></div>
    <p>${t("verdict.says")}${gap()}<b>${fine(score)}</b><span class="quiet">${t(`verdict.${words}`)}</span></p>
  </div>`;
}

/** Bits as small blocks and as digits. */
export const Bits = ({ bits, right }) => html`<span class=${classes("bits", right && "right")}>${[...bits].map((bit) => html`<i class=${bit === "1" ? "one" : "zero"} />`)}<span>${bits}</span></span>`;

const MIN_SHARE = 0.1; // of G's samples, for a pattern that it makes
const MAX_LISTED = 13; // characters

/** The bits of G's sample, or which of several patterns it makes. */
export function madeOf({ config, result }) {
  const patterns = patternsOf(config.pattern);
  const made = patterns.length > 1 && result?.shares ? patterns.filter((_, k) => result.shares[k] >= MIN_SHARE) : [];
  const list = made.join(" + ");
  return list.length > MAX_LISTED ? t("compare.made", { made: made.length, count: patterns.length }) : list || (result?.bits ?? "–");
}

const COLOURS = 10;
const DASHES = [undefined, [9, 4], [2, 3], [12, 3, 2, 3]];

/** The line at a place in the chart of compared runs. */
export const lineStyle = (place) => ({ colour: () => theme.runs[place % COLOURS], dash: DASHES[Math.floor(place / COLOURS)] });

/** A sample of that line. */
export const Swatch = ({ place }) => html`<svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true"><line x1="1" x2="25" y1="6" y2="6" stroke=${`var(--run-${place % COLOURS})`} stroke-dasharray=${lineStyle(place).dash?.join(" ")} /></svg>`;
