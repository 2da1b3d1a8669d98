// Try panel: sample G and score vectors with D at the current moment.

import { MAX_IGNORED_CHANGE, reaction, sampleAt, latentRange } from "../charts/response.js";
import { drawReal } from "../model.js";
import { onTick, player } from "../player.js";
import { state } from "../state.js";
import { classes, Component, html } from "../ui.js";
import { fine, gap, short, t, whole } from "../words.js";
import { Cells, Verdict } from "./parts.js";

export class Try extends Component {
  componentDidMount() {
    this.stop = onTick(() => this.setState({}));
  }

  componentWillUnmount() {
    this.stop();
  }

  render() {
    const { run, moment, at } = player;
    if (!run?.hasWeights || !moment.D || moment.run !== run) return html`<aside class="card try" aria-label=${t("try")}><h2>${t("try")}</h2><p class="empty">${t("try.none")}</p></aside>`;
    return html`<aside class="card try" id="try" aria-label=${t("try")}>
      <h2>${t("try")}</h2>
      <p class="quiet">${run.job.id ? t("try.at", { at: whole(at) }) : t("try.untrained")}</p>
      ${run.hasGenerator ? html`<${Sample} run=${run} moment=${moment} />` : html`<p class="note">${t("try.alone")}</p>`}
      <${Score} run=${run} moment=${moment} />
    </aside>`;
  }
}

/** G's output for a latent value, with a note when G ignores its latent: a slider that moves nothing shows it. */
export function Sample({ run, moment, bare }) {
  const most = reaction(moment, run.config);
  const ignores = most < MAX_IGNORED_CHANGE;
  const [low, high] = latentRange(run.config);
  const latent = state.number("feed", run.config.latent_value);
  const change = { most: fine(Math.max(most, 0.001), 3), low: short(low), high: short(high) };
  const values = sampleAt(moment, latent, run.config);
  return html`<section class="sample" aria-labelledby="sample-title">
    <h3 id="sample-title">${t("sample.title")}</h3>
    <label class="slider"><span>${t("sample.latent")}</span><output>${short(latent)}</output>
      <input type="range" min=${Math.min(low, latent)} max=${Math.max(high, latent)} step="0.01" value=${latent} aria-label=${t("sample.latent")} onInput=${(event) => state.replace({ feed: event.target.value })} /></label>
    <${Cells} values=${values} kind="fake" label=${t("sample.makes", { latent: short(latent) })} />
    <${Verdict} score=${scoreOf(moment, values)} />
    ${!bare && html`<p class="ignores">${ignores ? html`<b>${t("sample.ignores")}</b>${gap()}${t("sample.ignores.why", change)}${gap()}${run.config.latent === "constant" ? t("sample.ignores.constant", { latent: short(run.config.latent_value) }) : player.at > run.end / 10 && t("sample.ignores.varied")}` : t("response.reacts", change)}</p>`}
  </section>`;
}

const scoreOf = (moment, vector) => {
  const score = moment.D.run(vector)[0];
  moment.D.run(moment.sample);
  return score;
};

/** D's score of a vector that the user sets with sliders. */
export function Score({ run, moment }) {
  const { spread } = run.config;
  const entered = state.list("vector").map(Number);
  const vector = entered.length === run.width && entered.every(Number.isFinite) ? entered : [...run.centres[0]].map((value) => +value.toFixed(2));
  const set = (values) => state.replace({ vector: values.map((value) => +value.toFixed(3)).join() });
  return html`<section class="score" aria-labelledby="score-title">
    <h3 id="score-title">${t("score.title")}</h3>
    <div class="row">
      <button type="button" class="secondary small" onClick=${() => set(drawReal(run.patterns[Math.floor(Math.random() * run.patterns.length)], spread))}>${t("score.real")}</button>
      <button type="button" class="secondary small" onClick=${() => set(vector.map(() => Math.random()))}>${t("score.noise")}</button>
      ${run.hasGenerator && html`<button type="button" class="secondary small" onClick=${() => set([...moment.sample])}>${t("score.generator")}</button>`}
    </div>
    <div class=${classes("sliders", run.width > 8 && "many")}>${vector.map((value, k) => html`<label class="slider"><span>${k + 1}</span><output>${fine(value)}</output>
      <input type="range" min="0" max="1" step="0.001" value=${value} aria-label=${t("score.place", { place: k + 1 })}
        onInput=${(event) => set(vector.with(k, +event.target.value))} /></label>`)}</div>
    <${Cells} values=${vector} label=${t("score.vector")} />
    <${Verdict} score=${scoreOf(moment, vector)} />
  </section>`;
}
