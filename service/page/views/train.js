// Training form: presets, settings with hints, validation while typing, and the random seed.

import { player } from "../player.js";
import { session, notify, train } from "../session.js";
import { drafts, FIELDS, validationError, requestBody, fieldText, isValid } from "../settings.js";
import { state } from "../state.js";
import { classes, html } from "../ui.js";
import { hasWords, t } from "../words.js";

export function Train() {
  const preset = session.presets.find((one) => one.name === state.get("preset", "article")) ?? session.presets[0];
  const basic = Object.keys(FIELDS).filter((name) => !FIELDS[name].more);
  const more = Object.keys(FIELDS).filter((name) => FIELDS[name].more);
  const submit = (event) => {
    event.preventDefault();
    if (!isValid(preset)) return;
    scrollTo(0, 0);
    train(requestBody(preset));
  };
  const open = more.some((name) => state.get(name));
  return html`<form id="train" class="card train" onSubmit=${submit} novalidate aria-label=${t("train")}>
    <h2>${t("train")}</h2>
    <${Presets} preset=${preset} />
    ${basic.map((name) => (name === "seed" ? html`<${Seed} />` : html`<${Field} name=${name} preset=${preset} />`))}
    <details open=${open}><summary>${t("train.more")}</summary>${more.map((name) => html`<${Field} name=${name} preset=${preset} />`)}</details>
    <div class="submit">
      <button class="primary" disabled=${session.busy || !isValid(preset)}>${t(session.busy ? "train.busy" : "train.go")}</button>
      <button type="button" class="plain" onClick=${clear}>${t("train.reset")}</button>
    </div>
  </form>`;
}

const clear = () => state.replace({ preset: "", ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, ""])) });

function Presets({ preset }) {
  if (!session.presets.length) return null;
  const words = (name, part) => (hasWords(`preset.${name}.${part}`) ? t(`preset.${name}.${part}`) : undefined);
  const choose = (event) => {
    clear();
    state.replace({ preset: event.target.value === "article" ? "" : event.target.value });
  };
  return html`<div class="field"><label for="preset">${t("field.preset")}</label>
    <select id="preset" value=${preset.name} onChange=${choose} aria-describedby="preset-known">
      ${session.presets.map(({ name }) => html`<option value=${name} selected=${name === preset.name}>${words(name, "name") ?? name}</option>`)}
    </select>
    <p class="known" id="preset-known">${words(preset.name, "known") ?? preset.known}</p></div>`;
}

function Field({ name, preset }) {
  const field = FIELDS[name];
  const text = fieldText(name, preset);
  const wrong = validationError(name, text);
  const described = `${name}-hint${wrong ? ` ${name}-wrong` : ""}`;
  const write = (value) => {
    if (value === "") drafts[name] = value;
    else delete drafts[name];
    state.replace({ [name]: preset && value === String(preset.settings[name] ?? field.default ?? "") ? "" : value });
    notify();
  };
  const endEditing = () => {
    delete drafts[name];
    notify();
  };
  const hint = html`<span class="hint" role="tooltip" id=${`${name}-hint`}>${t(`hint.${name}`)}</span>`;
  if (field.kind === "choice") {
    return html`<fieldset class=${classes("field choice", wrong && "wrong")} aria-describedby=${described}><legend>${t(`field.${name}`)}</legend>
      <div class="segments">${field.options.map((option) => html`<label><input type="radio" name=${name} value=${option} checked=${text === option}
        onChange=${() => write(option)} /><span>${t(`choice.${option}`)}</span></label>`)}</div>${hint}</fieldset>`;
  }
  return html`<div class=${classes("field", wrong && "wrong")}>
    <label for=${`set-${name}`}>${t(`field.${name}`)}</label>
    <input id=${`set-${name}`} value=${text} inputmode=${field.kind === "number" ? "decimal" : field.kind === "pattern" ? "numeric" : "text"} autocomplete="off" spellcheck="false"
      placeholder=${field.default === null ? t("field.filled") : ""} aria-invalid=${Boolean(wrong)} aria-describedby=${described} onInput=${(event) => write(event.target.value)} onBlur=${endEditing} />
    ${hint}
    ${wrong && html`<p class="mistake" id=${`${name}-wrong`} role="status">${wrong}</p>`}
  </div>`;
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
