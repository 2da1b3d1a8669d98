// Layout of the lab: named grid areas for the panels that are shown, so that these fill the place of the hidden ones.

import { state } from "../state.js";

export const CHARTS = ["machine", "losses", "evolution", "surface", "response"];
export const PANELS = ["train", ...CHARTS, "sample", "player"];
const COLUMNS = 24;
const SHARES = { machine: 7, losses: 5, evolution: 4, surface: 5, response: 4 };
const TOP = ["machine", "surface"];
const BOTTOM = ["losses", "evolution", "response"];
/** By the size of the window: rows of panels, how many of them fill it, how high these are at least, and what stands beside all of them. */
const PLANS = {
  tall: { rows: [["machine"], ["losses"], ["evolution"], ["surface", "response"], ["sample"]], filling: 0 },
  screen: { rows: [["machine"], ["losses", "evolution"], ["surface", "response"], ["sample"]], filling: 2, least: 13 },
  roomy: { rows: [TOP, BOTTOM, ["sample"]], filling: 2, least: 15 },
  wide: { rows: [TOP, BOTTOM], filling: 2, least: 15, right: "sample" },
};

export const isShown = (name) => !state.isHidden(name) && !(CHARTS.includes(name) && state.isHidden("watch"));

/** The grid template of each plan, as custom properties, for these panels; the style sheet chooses among them. */
export function layoutOf(panels, varied) {
  const style = {};
  for (const [name, plan] of Object.entries(PLANS)) {
    const rows = plan.rows.map((row) => row.filter((panel) => panels.includes(panel))).filter((row) => row.length);
    const filling = Math.min(plan.filling, rows.filter((row) => row[0] !== "sample").length);
    const left = panels.includes("train");
    const right = panels.includes(plan.right);
    const line = (areas, size) => `"${left ? "train " : ""}${areas}${right ? ` ${plan.right}` : ""}" ${size}`;
    const lines = rows.map((row, k) => line(areasOf(row, varied), k < filling ? `minmax(max(${plan.least}rem, var(--least, 0rem)), ${row.includes("machine") ? 8 : 7}fr)` : filling && row[0] !== "sample" ? "minmax(22rem, auto)" : "auto"));
    style[`--${name}`] = `${line(areasOf(["head"]), "auto")} ${lines.join(" ")} / ${left ? "19.5rem " : ""}${"minmax(0, 1fr) ".repeat(COLUMNS)}${right ? "21rem" : ""}`;
    style[`--${name}-filling`] = filling;
  }
  return style;
}

/** A row of areas, each as often as it has columns. */
function areasOf(row, varied) {
  const share = (name) => (varied && name === "response" ? 6 : (SHARES[name] ?? 1));
  const all = row.reduce((sum, name) => sum + share(name), 0);
  let sum = 0;
  return row.flatMap((name) => {
    const from = Math.round((sum * COLUMNS) / all);
    sum += share(name);
    return Array(Math.round((sum * COLUMNS) / all) - from).fill(name);
  }).join(" ");
}
