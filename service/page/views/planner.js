// Form that plans a sweep: the settings that vary with their values, those that stay, and the number of seeds.

import { fieldName, valueName } from "../labels.js";
import { ARTICLE, firstValues, MAX_MEMBERS, readBase, readGrid, readPreset, SWEPT, writeBase as baseText, writePairs } from "../plan.js";
import { session } from "../session.js";
import { FIELDS } from "../settings.js";
import { state } from "../state.js";
import { classes, html } from "../ui.js";
import { displayed, t, whole } from "../words.js";

const ROLES = ["across", "down", "panels"];
const MAX_LISTED = 12; // values of a range that are shown

const writeGrid = (pairs) => state.replace({ grid: writePairs(pairs) });
const writeBase = (pairs, preset = readPreset()) => state.replace({ base: baseText(pairs, preset) });

/** Focus the control that follows an addition or a removal. */
const focusLater = (selector) => requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(selector)?.focus()));

export function Planner({ plan, busy, start }) {
  const taken = new Set([...plan.grid, ...plan.base].map(({ name }) => name));
  const free = SWEPT.filter((name) => !taken.has(name));
  const add = (pairs, write, place) => {
    write([...pairs, [free[0], firstValues(free[0])]]);
    focusLater(`#${place}-${pairs.length}-name`);
  };
  const count = plan.isValid || !Number.isFinite(plan.members) ? plan.members : 0;
  const presets = session.presets.length ? session.presets.map(({ name }) => name) : [plan.preset];
  const kept = plan.base.length + (plan.preset === ARTICLE ? 0 : 1);
  return html`<form class="card plan" onSubmit=${start} novalidate aria-label=${t("sweep.plan")}>
    <h2 tabindex="-1">${t("sweep.plan")}</h2>
    <fieldset><legend>${t("sweep.vary")}</legend>
      ${plan.grid.map((row, k) => html`<${Row} key=${`grid-${k}`} id=${`grid-${k}`} row=${row} role=${t(`sweep.${plan.grid.length === 1 ? "down" : ROLES[k] ?? "choice"}`)} free=${free} many
        write=${(name, text) => writeGrid(readGrid().map((pair, n) => (n === k ? [name, text] : pair)))}
        remove=${() => { writeGrid(readGrid().filter((_, n) => n !== k)); focusLater("#add-grid"); }} />`)}
      ${free.length > 0 && html`<button type="button" class="secondary small" id="add-grid" onClick=${() => add(readGrid(), writeGrid, "grid")}>${t("sweep.add")}</button>`}
      <p class="caption">${t("sweep.values.help")}</p></fieldset>
    <details open=${kept > 0 || plan.base.some((row) => row.wrong)}><summary>${t("sweep.base")}</summary>
      <div class="field"><label for="sweep-preset">${t("field.preset")}</label><select id="sweep-preset" value=${plan.preset} onChange=${(event) => writeBase(readBase(), event.target.value)}>
        ${presets.map((name) => html`<option value=${name} selected=${name === plan.preset}>${displayed(name)}</option>`)}</select></div>
      ${plan.base.map((row, k) => html`<${Row} key=${`base-${k}`} id=${`base-${k}`} row=${row} role=${t("sweep.setting")} free=${free}
        write=${(name, text) => writeBase(readBase().map((pair, n) => (n === k ? [name, text] : pair)))}
        remove=${() => { writeBase(readBase().filter((_, n) => n !== k)); focusLater("#add-base"); }} />`)}
      ${free.length > 0 && html`<button type="button" class="secondary small" id="add-base" onClick=${() => add(readBase(), writeBase, "base")}>${t("sweep.add")}</button>`}</details>
    <div class="pair">
      <div class=${classes("field", plan.wrongSeeds && "wrong")}><label for="seeds">${t("sweep.seeds")}</label><input id="seeds" inputmode="numeric" autocomplete="off" value=${plan.seeds.trim()} aria-invalid=${Boolean(plan.wrongSeeds)} aria-describedby=${plan.wrongSeeds ? "seeds-wrong" : undefined}
        onInput=${(event) => state.replace({ seeds: event.target.value.normalize("NFKC").trim() || " " })} />
        ${plan.wrongSeeds && html`<p class="mistake" id="seeds-wrong" role="status">${plan.wrongSeeds}</p>`}</div>
      <div class="field"><label for="called">${t("field.name")}</label><input id="called" maxlength="100" autocomplete="off" value=${state.get("called")} placeholder=${t("sweep.optional")} onInput=${(event) => state.replace({ called: event.target.value })} /></div>
    </div>
    <p class="members" role="status">${plan.members > MAX_MEMBERS ? t("sweep.many", { most: whole(MAX_MEMBERS) }) : count ? t("sweep.count", { count: whole(count), cells: whole(plan.cells) }) : t("sweep.mend")}</p>
    <button class="primary" disabled=${busy || !plan.isValid}>${t("sweep.go")}</button>
  </form>`;
}

/** A setting with its value, or with the values that it takes in turn. */
function Row({ id, row, role, free, many, write, remove }) {
  const { name, text, values, wrong } = row;
  const field = FIELDS[name];
  const names = SWEPT.filter((one) => one === name || free.includes(one));
  const choose = (event) => write(event.target.value, many ? firstValues(event.target.value) : String(FIELDS[event.target.value].default ?? ""));
  const isRange = many && text.includes("..") && values.length > 0;
  return html`<div class=${classes("axis", wrong && "wrong")} role="group" aria-label=${`${role}: ${fieldName(name)}`}>
    <span class="axis-role">${role}</span>
    <select id=${`${id}-name`} aria-label=${t("sweep.setting")} onChange=${choose}>${names.map((one) => html`<option value=${one} selected=${one === name}>${fieldName(one)}</option>`)}</select>
    <button type="button" class="plain icon" aria-label=${t("sweep.remove", { name: fieldName(name) })} title=${t("sweep.remove", { name: fieldName(name) })} onClick=${remove}>✕</button>
    ${field.kind === "choice" ? html`<${Choices} id=${id} field=${field} values=${values} many=${many} write=${(next) => write(name, next)} />`
      : html`<input class="axis-values" aria-label=${t(many ? "sweep.values" : "sweep.value")} value=${text} autocomplete="off" spellcheck="false" aria-invalid=${Boolean(wrong)} aria-describedby=${wrong ? `${id}-wrong` : isRange ? `${id}-list` : undefined}
        onInput=${(event) => write(name, event.target.value)} />`}
    ${wrong ? html`<p class="mistake" id=${`${id}-wrong`} role="status">${wrong}</p>`
      : isRange && html`<p class="caption" id=${`${id}-list`}>${values.slice(0, MAX_LISTED).map(valueName).join("  ")}${values.length > MAX_LISTED ? ` … ${valueName(values.at(-1))}` : ""}</p>`}
  </div>`;
}

/** Options of a setting: several if it varies, else one. */
function Choices({ id, field, values, many, write }) {
  const toggle = (option) => (event) => write(many ? field.options.filter((one) => (one === option ? event.target.checked : values.includes(one))).join() : option);
  return html`<div class="axis-values options" role="group">${field.options.map((option) => html`<label><input type=${many ? "checkbox" : "radio"} name=${`${id}-option`} checked=${values.includes(option)} onChange=${toggle(option)} />${valueName(option)}</label>`)}</div>`;
}
