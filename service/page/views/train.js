// Training form: presets, settings with hints, validation while typing, and the random seed.

import { player } from "../player.js";
import { session, notify, train } from "../session.js";
import { patternsOf } from "../model.js";
import { addressOf, cleaned, differencesFrom, drafts, FIELDS, fieldText, isEdited, MAX_BITS, MAX_PATTERNS, readable, requestBody, validationError, valueOf, wrongFields } from "../settings.js";
import { state } from "../state.js";
import { classes, Component, html } from "../ui.js";
import { displayed, hasWords, t } from "../words.js";

const NAMES = Object.keys(FIELDS);
const BASIC = NAMES.filter((name) => !FIELDS[name].more);
const isHalf = (name) => FIELDS[name].kind === "number" || name === "optimizer"; // two of these stand side by side
const MORE = NAMES.filter((name) => FIELDS[name].more);
const fieldNames = (names) => names.map((name) => t(`field.${name}`)).join(t("list.comma"));

export class Train extends Component {
  important = []; // of the further settings: those that are set or wrong, because of which they were opened

  /** Open the further settings when another one of them is set or wrong. */
  open(preset, wrong) {
    const important = MORE.filter((name) => state.get(name) || name in (preset?.settings ?? {}) || wrong.includes(name));
    if (important.some((name) => !this.important.includes(name))) this.isOpen = true;
    this.important = important;
    return this.isOpen;
  }

  render() {
    const preset = session.presets.find((one) => one.name === state.get("preset", "article")) ?? session.presets[0];
    const wrong = wrongFields(preset);
    const submit = (event) => {
      event.preventDefault();
      if (wrong.length) correct(0);
      if (!preset || wrong.length) return;
      scrollTo(0, 0);
      document.querySelector("#main").scrollTo(0, 0);
      train(requestBody(preset));
    };
    return html`<form id="train" class="card train" onSubmit=${submit} novalidate aria-label=${t("train")}>
      <div class="settings" onPointerOver=${placeHints} onfocusin=${placeHints} onScroll=${placeHints}>
      <h2>${t(session.run ? "train.next" : "train")}</h2>
      ${session.run && preset && html`<${AsShown} config=${session.run.config} preset=${preset} />`}
      <${Presets} preset=${preset} />
      ${BASIC.map((name) => (name === "seed" ? html`<${Seed} />` : html`<${Field} name=${name} preset=${preset} />`))}
      <details open=${this.open(preset, wrong)} onToggle=${(event) => (this.isOpen = event.target.open)}><summary>${t("train.more")}</summary><div class="settings-more">${MORE.map((name) => html`<${Field} name=${name} preset=${preset} />`)}</div></details>
      </div>
      ${wrong.length > 0 && html`<p class="mistake" role="status">${t("train.wrong")} ${wrong.map((name, k) => html`<button type="button" class="link" onClick=${() => correct(k)}>${t(`field.${name}`)}: ${validationError(name, fieldText(name, preset))}</button> `)}</p>`}
      <div class="submit">
        <button class="primary" disabled=${session.busy || !preset || wrong.length > 0}>${t(session.busy ? "train.busy" : "train.go")}</button>
        <button type="button" class="plain" onClick=${clear}>${t("train.reset")}</button>
      </div>
    </form>`;
  }
}

/** Put the hint of each field that is pointed at or edited beside it, outside the panel, where it covers no other field. */
function placeHints({ currentTarget: settings }) {
  const form = settings.parentElement.getBoundingClientRect();
  for (const hint of settings.querySelectorAll(":is(.field:hover, .field:focus-within) > .hint")) {
    const top = Math.min(hint.parentElement.getBoundingClientRect().top - form.top, form.height - hint.offsetHeight);
    hint.style.setProperty("--hint", `${Math.max(top, 0)}px`);
  }
}

/** Show and focus the wrong field at this place. */
function correct(place) {
  const field = document.querySelectorAll("#train .wrong")[place];
  const more = field.closest("details");
  if (more) more.open = true;
  field.querySelector("input").focus();
}

const clear = () => state.replace({ preset: "", ...Object.fromEntries(NAMES.map((name) => [name, ""])) });

/** Whether the form has the settings of the run that is shown. */
function AsShown({ config, preset }) {
  const names = differencesFrom(config, preset);
  return html`<p class="as-shown">${t(names.length ? "train.differs" : state.get("seed") ? "train.same.seed" : "train.same", { names: fieldNames(names) })}
    ${names.length > 0 && html` <button type="button" class="plain" onClick=${() => state.replace(addressOf(config, session.presets))}>${t("train.fill")}</button>`}</p>`;
}

function Presets({ preset }) {
  if (!session.presets.length) return null;
  const known = `preset.${preset.name}.known`;
  const choose = (event) => {
    clear();
    state.replace({ preset: event.target.value === "article" ? "" : event.target.value });
  };
  const edited = isEdited(preset);
  return html`<div class="field"><label for="preset">${t("field.preset")}</label>
    <select id="preset" onChange=${choose} aria-describedby="preset-known">
      ${edited && html`<option key="edited" value="" selected disabled>${t("preset.edited")}</option>`}
      ${session.presets.map((one) => html`<option key=${one.name} value=${one.name} selected=${!edited && one.name === preset.name}>${displayed(one.name)}</option>`)}
    </select>
    <p class="known" id="preset-known">${edited ? t("preset.edited.known", { name: displayed(preset.name) }) : hasWords(known) ? t(known) : preset.known}</p></div>`;
}

function Field({ name, preset }) {
  const field = FIELDS[name];
  const text = fieldText(name, preset);
  const wrong = validationError(name, text);
  const described = `${name}-hint${wrong ? ` ${name}-wrong` : ""}`;
  const write = (value) => {
    if (value === "") drafts[name] = value;
    else delete drafts[name];
    state.replace({ [name]: preset && cleaned(field, value) === String(preset.settings[name] ?? field.default ?? "") ? "" : value });
    notify();
  };
  const editAsIs = ({ target }) => {
    if (target.value === text) return;
    target.value = text;
    target.select(); // as it was
  };
  const endEditing = () => {
    delete drafts[name];
    notify();
  };
  const hint = html`<span class="hint" role="tooltip" id=${`${name}-hint`}>${t(`hint.${name}`)}</span>`;
  if (field.kind === "choice") {
    return html`<fieldset class=${classes("field choice", isHalf(name) && "half", wrong && "wrong")} aria-describedby=${described}><legend>${t(`field.${name}`)}</legend>
      <div class="segments">${field.options.map((option) => html`<label><input type="radio" name=${name} value=${option} checked=${text === option}
        onChange=${() => write(option)} /><span>${t(`choice.${option}`)}</span></label>`)}</div>${hint}</fieldset>`;
  }
  return html`<div class=${classes("field", isHalf(name) && "half", wrong && "wrong")}>
    <label for=${`set-${name}`}>${t(`field.${name}`)}</label>
    <input id=${`set-${name}`} value=${document.activeElement?.id === `set-${name}` ? text : readable(field, text)} onFocus=${editAsIs} inputmode=${field.kind === "number" ? "decimal" : "text"} autocomplete="off" spellcheck="false"
      placeholder=${field.default === null ? t("field.filled") : ""} aria-invalid=${Boolean(wrong)} aria-describedby=${described} onInput=${(event) => write(event.target.value)} onBlur=${endEditing} />
    ${field.kind === "pattern" && !wrong && html`<${PatternBits} patterns=${patternsOf(valueOf(name, text))} write=${(patterns) => write(patterns.join("+"))} />`}
    ${hint}
    ${wrong && html`<p class="mistake" id=${`${name}-wrong`} role="status">${wrong}</p>`}
  </div>`;
}

/** The bits of the patterns, each of which flips when it is pressed, with buttons that add and remove patterns and places. */
function PatternBits({ patterns, write }) {
  const width = patterns[0].length;
  const flipped = (bits, place) => [...bits].map((bit, k) => (k === place ? String(1 - bit) : bit)).join("");
  const others = (k) => patterns.filter((_, n) => n !== k);
  const flip = (k, place) => {
    const changed = flipped(patterns[k], place);
    write(others(k).includes(changed) ? others(k) : patterns.with(k, changed)); // two that become equal are one
  };
  const resize = (change) => write([...new Set(patterns.map((bits) => change(bits)))]);
  const fresh = newPattern(patterns);
  return html`<div class="pattern-bits">
    ${patterns.map((bits, k) => html`<div class="pattern-row" role="group" aria-label=${t("pattern.row", { bits })}><div style=${`--columns: ${width > 8 ? Math.ceil(width / 2) : width}`}>
      ${[...bits].map((bit, place) => html`<button type="button" class=${classes("pattern-bit", bit === "1" && "one")} aria-label=${t("pattern.bit", { place: place + 1, bit })} onClick=${() => flip(k, place)}>${bit}</button>`)}</div>
      ${patterns.length > 1 && html`<button type="button" class="plain icon" aria-label=${t("pattern.remove", { bits })} title=${t("pattern.remove", { bits })} onClick=${() => write(others(k))}>×</button>`}</div>`)}
    <div class="row"><button type="button" class="secondary small" disabled=${!fresh || patterns.length >= MAX_PATTERNS} onClick=${() => write([...patterns, fresh])}>${t("pattern.add")}</button>
      <span class="pattern-width"><button type="button" class="secondary small" aria-label=${t("pattern.shorter")} title=${t("pattern.shorter")} disabled=${width === 1} onClick=${() => resize((bits) => bits.slice(0, -1))}>−</button>
      <span aria-hidden="true">${t("pattern.width", { width })}</span>
      <button type="button" class="secondary small" aria-label=${t("pattern.longer")} title=${t("pattern.longer")} disabled=${width === MAX_BITS} onClick=${() => resize((bits) => bits + (bits.at(-2) ?? String(1 - bits)))}>+</button></span></div></div>`;
}

/** A pattern that is not there yet, and differs from the others as much as possible; null if there is none. */
function newPattern(patterns) {
  const width = patterns[0].length;
  const bits = (number) => number.toString(2).padStart(width, "0").slice(-width);
  const inverse = [...patterns[0]].map((bit) => 1 - bit).join("");
  if (!patterns.includes(inverse)) return inverse;
  const nearest = (word) => Math.min(...patterns.map((pattern) => [...pattern].filter((bit, k) => bit !== word[k]).length));
  const free = Array.from({ length: Math.min(2 ** width, 4096) }, (_, number) => bits(number)).filter((word) => !patterns.includes(word));
  return free.reduce((best, word) => (best && nearest(best) >= nearest(word) ? best : word), null);
}

/** Random seed: new for each run, or locked to a number. */
function Seed() {
  const text = state.get("seed");
  const wrong = validationError("seed", text);
  const roll = () => state.replace({ seed: Math.floor(Math.random() * 1e6) });
  const lock = () => state.replace({ seed: text ? "" : (player.run?.config.seed ?? Math.floor(Math.random() * 1e6)) });
  return html`<div class=${classes("field seed", wrong && "wrong")}>
    <label for="set-seed">${t("field.seed")}</label>
    <div class="row"><input id="set-seed" value=${text} inputmode="numeric" autocomplete="off" placeholder=${t("seed.random")} aria-invalid=${Boolean(wrong)}
      aria-describedby=${`seed-hint${wrong ? " seed-wrong" : ""}`} onInput=${(event) => state.replace({ seed: event.target.value })} />
      <button type="button" class="secondary small" onClick=${roll}>${t("seed.roll")}</button>
      <button type="button" class="secondary small" aria-pressed=${Boolean(text)} onClick=${lock}>${t(text ? "seed.unlock" : "seed.lock")}</button></div>
    <span class="hint" role="tooltip" id="seed-hint">${t("hint.seed")}</span>
    ${wrong && html`<p class="mistake" id="seed-wrong" role="status">${wrong}</p>`}
  </div>`;
}
