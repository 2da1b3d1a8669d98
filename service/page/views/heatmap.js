// Heat map of a sweep: a cell for each combination of settings, a panel for each value of a third setting.

import { sendRequest } from "../api.js";
import { save, toBlob } from "../files.js";
import { fieldName, settingName, sweepName, sweepSettings, valueName } from "../labels.js";
import { planOf, readPairs, writePairs } from "../plan.js";
import { runAction } from "../session.js";
import { state } from "../state.js";
import { bestOf, bestWords, cellName, figureName, figuresOf, formatFigure, layOut, lengthOf, scaleOf, shareOf, unitOf, valueOf } from "../sweepmap.js";
import { shade, theme } from "../theme.js";
import { classes, Component, html, markCut, reveal } from "../ui.js";
import { gap, t, whole } from "../words.js";
import { Actions } from "./actions.js";
import { ClusterLine } from "./cluster.js";
import { Members } from "./members.js";
import { Status } from "./runhead.js";

const MAX_DRAWN = 4000; // cells; the service draws more as one picture
const MAX_ROOMY = 7; // columns with two lines of text in their cells
const MAX_WRITTEN = 20; // columns with text in their cells
const MAX_HEADS = 8; // labels along an axis without text in its cells

export class HeatMap extends Component {
  /** Choose a cell, and the values of the settings that are not on an axis so that it is on the map; show its members. */
  choose(cell, map) {
    const pick = map.choices.map(({ name }) => [name, String(cell.config[name])]);
    this.chose = true;
    state.replace({ cell: cell.cell, ...(pick.length && { pick: writePairs(pick) }) });
  }

  /** Scroll to the members of the cell that the user has chosen, unless they are in sight. */
  shown() {
    const members = document.querySelector(".members-of");
    const { top } = members.getBoundingClientRect();
    if (this.chose && (top < 0 || top > innerHeight / 2)) members.scrollIntoView();
    this.chose = false;
  }

  render({ job, cells, cluster }) {
    const figures = figuresOf(job, cells);
    const figure = figures.includes(state.get("value")) ? state.get("value") : figures[0];
    const map = layOut(job, cells);
    const scale = scaleOf(figure, cells);
    const best = bestOf(figure, cells);
    const chosen = cells.find((cell) => String(cell.cell) === state.get("cell"));
    const isDrawn = map.size <= MAX_DRAWN;
    const view = { figure, map, scale, best: best?.cell, chosen, density: density(map) };
    const mixed = figure.endsWith("loss") && map.vary.includes("loss");
    return html`<div class="map">
      <div class="map-head"><h2 tabindex="-1">${sweepName(job)}</h2><${Status} job=${job} />
        <span class="actions"><button type="button" class="plain" onClick=${() => copyPlan(job)}>${t("sweep.use")}</button><${Actions} job=${job} name=${sweepName(job)} forget=${() => state.replace({ sweep: "", cell: "" })} /></span>
        <p class="caption">${sweepSettings(job)}</p></div>
      ${cluster && html`<${ClusterLine} cluster=${cluster} />`}
      <div class="map-tools"><div class="segments wrap" role="group" aria-label=${t("sweep.question")}>${figures.map((name) => html`<button type="button" class="chip" aria-pressed=${name === figure}
        onClick=${() => state.replace({ value: name === figures[0] ? "" : name })}>${figureName(name)}</button>`)}</div>
        <${Axes} map=${map} /></div>
      <div class="map-key"><${Key} figure=${figure} scale=${scale} />${isDrawn && html`<p class="caption">${t("sweep.click")}</p>`}</div>
      <div class=${classes("map-body", chosen && "divided", view.density)}><div>
      ${!isDrawn ? html`<p class="caption">${t("sweep.toomany", { count: whole(map.size) })}</p><img class="map-image" src=${serverPicture(job, map, figure)} alt=${figureName(figure)} />`
        : html`<div class=${classes("panels", map.panels.name && "several")}>${map.panels.values.map((panel) => html`<${Panel} ...${view} panel=${panel} choose=${(cell) => this.choose(cell, map)} />`)}</div>`}
      ${best && html`<p class="best">${best.cell && html`<span class="star" aria-hidden="true">★</span>${" "}`}${bestWords(figure, best)}${best.cell && html`${gap()}<button type="button" class="link" onClick=${() => this.choose(best.cell, map)}>${cellName(best.cell) || t("sweep.all")}</button>`}</p>`}
      ${mixed && html`<p class="caption">${t("sweep.mixed")}</p>`}
      <${Downloads} job=${job} view=${view} best=${best} cells=${cells} /></div>
      ${chosen && html`<${Members} key=${`${job.id}-${chosen.cell}`} job=${job} cell=${chosen} shown=${() => this.shown()} />`}</div>
    </div>`;
  }
}

const density = ({ columns, panels }) => (columns.values.length > MAX_WRITTEN ? "tiny" : columns.values.length > MAX_ROOMY || panels.name ? "compact" : "roomy");
const serverPicture = (job, { columns, rows }, figure) =>
  `sweeps/${job.id}/plots/heatmap.png?${new URLSearchParams({ ...(columns.name && { x: columns.name }), ...(rows.name && { y: rows.name }), value: figure === "settled_at" ? "settled_at_p50" : figure })}`;

/** Fill the form with the settings of a sweep. */
function copyPlan(job) {
  state.push(planOf(job));
  reveal(".plan");
}

/** Which setting is across and which down, and the values of those that are on no axis and in no panel. */
function Axes({ map }) {
  if (map.vary.length < 2) return null;
  const [x, y] = [map.columns.name, map.rows.name];
  const choose = (key, other) => (event) => {
    const name = event.target.value;
    const now = { across: x, down: y };
    state.replace({ ...now, [key]: name, ...(now[other] === name && { [other]: now[key] }) });
  };
  const select = (label, value, options, onChange) => html`<label class="inline">${label}<select onChange=${onChange}>${options.map(([name, words]) => html`<option value=${name} selected=${name === value}>${words}</option>`)}</select></label>`;
  const settings = map.vary.map((name) => [name, fieldName(name)]);
  const pick = (name) => (event) => state.replace({ pick: writePairs([...readPairs("pick").filter(([other]) => other !== name), [name, event.target.value]]) });
  return html`<div class="axes">${select(t("sweep.across"), x, settings, choose("across", "down"))}${select(t("sweep.down"), y, settings, choose("down", "across"))}
    ${map.choices.map(({ name, values, chosen }) => select(fieldName(name), String(chosen.value), values.map(({ value }) => [String(value), valueName(value)]), pick(name)))}</div>`;
}

/** The key of the colours: the good end is always on the right. */
function Key({ figure, scale }) {
  const ends = scale?.map((value) => formatFigure(figure, value));
  return html`<div class="key"><span class="key-none"><i class="heat-cell none" aria-hidden="true" />${t(figure === "settled_at" ? "sweep.none.settled" : "sweep.none.value")}</span>
    ${ends && html`<span class="key-scale"><span>${ends[0]}</span><i class="ramp" role="img" aria-label=${t("sweep.key", { worst: ends[0], best: ends[1] })} /><span>${ends[1]}</span> <b>${t("sweep.better")}</b></span>`}</div>`;
}

/** One table of cells. The arrow keys move between them. */
function Panel({ map, panel, density: roominess, ...view }) {
  const { columns, rows } = map;
  const every = (axis) => (roominess === "tiny" ? Math.ceil(axis.values.length / MAX_HEADS) : 1);
  const title = map.panels.name ? settingName(map.panels.name, panel.value) : "";
  const first = view.chosen ?? map.at(columns.values[0], rows.values[0], panel);
  const head = (axis, k) => (axis.name && k % every(axis) === 0 ? valueName(axis.values[k].value) : "");
  return html`<div class="panel">${title && html`<h3>${title}</h3>`}
    ${rows.name && !columns.name && html`<p class="axis-name" aria-hidden="true">${fieldName(rows.name)} ↓</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label=${title || t("sweep.map")} onKeyDown=${move} ref=${(box) => box && markCut(box)} onScroll=${(event) => markCut(event.currentTarget)}><table class=${classes("heat", roominess, !columns.name && "single", columns.values.length > 5 && "dense")} style=${{ "--columns": columns.values.length }}>
    <caption class="unseen">${[title, columns.name && `${t("sweep.across")}: ${fieldName(columns.name)}`, rows.name && `${t("sweep.down")}: ${fieldName(rows.name)}`].filter(Boolean).join(" · ") || t("sweep.map")}</caption>
    ${columns.name && html`<thead><tr class="axis-name"><td>${fieldName(rows.name)} ↓</td><td colspan=${columns.values.length}>${fieldName(columns.name)} →</td></tr><tr><td></td>${columns.values.map((_, k) => html`<th scope="col">${head(columns, k)}</th>`)}</tr></thead>`}
    <tbody>${rows.values.map((row, n) => html`<tr>${rows.name && html`<th scope="row">${head(rows, n)}</th>`}${columns.values.map((column, k) => {
      const cell = map.at(column, row, panel);
      return html`<td><${Cell} cell=${cell} at=${`${k},${n}`} ...${view} isBar=${!columns.name} written=${roominess !== "tiny"} focusable=${cell && cell === first} /></td>`;
    })}</tr>`)}</tbody></table></div></div>`;
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function move(event) {
  const at = event.target.dataset?.at;
  if (!at || !(event.key in STEPS)) return;
  event.preventDefault();
  const [x, y] = at.split(",").map((place, k) => Number(place) + STEPS[event.key][k]);
  const next = event.currentTarget.querySelector(`[data-at="${x},${y}"]`);
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function Cell({ cell, at, figure, scale, best, chosen, written, focusable, isBar, choose }) {
  const value = valueOf(cell, figure);
  if (!cell?.count) return html`<span class="heat-cell waiting" data-at=${at}><span class="unseen">${t("sweep.waiting")}</span></span>`;
  const share = value === null ? 0 : shareOf(scale, value);
  const words = value === null ? "–" : formatFigure(figure, value);
  const unit = value === null ? "" : unitOf(figure, cell);
  const colour = value === null ? undefined : shade(theme.ramps.cell, share);
  const style = colour && (isBar ? { "--length": lengthOf(figure, scale, value), "--colour": colour } : { background: colour });
  return html`<button type="button" class=${classes("heat-cell", value === null && "none", cell === chosen && "chosen")} style=${style} data-at=${at} tabindex=${focusable ? 0 : -1}
    aria-pressed=${cell === chosen} aria-label=${[`${cellName(cell)}: ${words}`, unit, cell === best && t("sweep.best.short")].filter(Boolean).join(" ")}
    title=${`${cellName(cell)}: ${words}`} onClick=${() => (cell === chosen ? state.replace({ cell: "" }) : choose(cell))}>
    ${cell === best && html`<span class="star" aria-hidden="true">★</span>`}${written && html`<span>${words}</span>${unit && html`<small>${unit}</small>`}`}</button>`;
}

/** The cells and the members as CSV, and the map as a picture. */
function Downloads({ job, view, best, cells }) {
  const name = sweepName(job);
  const csv = (what) => runAction(async () => save(await (await sendRequest(`sweeps/${job.id}/${what}`, { headers: { Accept: "text/csv" } })).blob(), `${name} ${what}.csv`));
  const picture = () => runAction(async () => {
    const { drawHeatMap } = await import("../charts/heatpicture.js");
    save(await toBlob(drawHeatMap(view, best, name, sweepSettings(job))), `${name} ${figureName(view.figure)}.png`);
  });
  const button = (label, description, onClick) => html`<button type="button" class="secondary small" title=${description} onClick=${onClick}>${label}</button>`;
  return html`<div class="row downloads" role="group" aria-label=${t("sweep.save")}>${view.map.size <= MAX_DRAWN && button(t("sweep.save.png"), t("sweep.save.png.says"), picture)}
    ${cells.length > 0 && button(t("sweep.save.cells"), t("sweep.save.cells.says"), () => csv("results"))}${button(t("sweep.save.members"), t("sweep.save.members.says"), () => csv("members"))}</div>`;
}
