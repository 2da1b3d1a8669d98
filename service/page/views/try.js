// Trying a run out at the moment shown: a seed for G, a vector for D, and what they answer at once.

import { IGNORES, reaction, sampleAt, seedRange } from "../charts/response.js";
import { drawReal } from "../model.js";
import { onTick, player } from "../player.js";
import { state } from "../state.js";
import { classes, Component, html } from "../ui.js";
import { fine, short, t, whole } from "../words.js";
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
    if (!run?.replayable || !moment.D || moment.run !== run) return html`<aside class="card try" aria-label=${t("try")}><h2>${t("try")}</h2><p class="empty">${t("try.none")}</p></aside>`;
    return html`<aside class="card try" aria-label=${t("try")}>
      <h2>${t("try")}</h2>
      <p class="quiet">${run.job.id ? t("try.at", { at: whole(at) }) : t("try.untrained")}</p>
      ${run.pair ? html`<${Sample} run=${run} moment=${moment} />` : html`<p class="note">${t("try.alone")}</p>`}
      <${Score} run=${run} moment=${moment} />
    </aside>`;
  }
}

/** What G makes of a seed; where it makes the same of all, that is said in the slider's place. */
export function Sample({ run, moment }) {
  const most = reaction(moment, run.config);
  const ignores = most < IGNORES;
  const [low, high] = seedRange(run.config);
  const seed = ignores ? run.config.latent_value : state.number("feed", run.config.latent_value);
  const values = sampleAt(moment, seed, run.config);
  return html`<section class="sample" aria-labelledby="sample-title">
    <h3 id="sample-title">${t("sample.title")}</h3>
    <div class="heard">${ignores
      ? html`<div class="ignores"><b>${t("sample.ignores")}</b> ${t(player.at > run.end / 10 ? "sample.ignores.why" : "sample.ignores.early", { most: fine(most, 3), low, high })}</div>`
      : html`<label class="slider"><span>${t("sample.seed")}</span><output>${short(seed)}</output>
        <input type="range" min=${low} max=${high} step="0.01" value=${seed} onInput=${(event) => state.adjust({ feed: event.target.value })} /></label>`}</div>
    <${Cells} values=${values} kind="fake" label=${t("sample.makes", { seed: short(seed) })} />
    <${Verdict} score=${scoreOf(moment, values)} />
  </section>`;
}

const scoreOf = (moment, vector) => {
  const score = moment.D.run(vector)[0];
  moment.D.run(moment.sample);
  return score;
};

/** What D says to a vector that one sets by hand. */
export function Score({ run, moment }) {
  const { pattern, spread } = run.config;
  const given = state.list("vector").map(Number);
  const vector = given.length === run.width && given.every(Number.isFinite) ? given : [...run.centre].map((value) => +value.toFixed(2));
  const set = (values) => state.adjust({ vector: values.map((value) => +value.toFixed(3)).join() });
  return html`<section class="score" aria-labelledby="score-title">
    <h3 id="score-title">${t("score.title")}</h3>
    <div class="row">
      <button type="button" class="secondary small" onClick=${() => set(drawReal(pattern, spread))}>${t("score.real")}</button>
      <button type="button" class="secondary small" onClick=${() => set(vector.map(() => Math.random()))}>${t("score.noise")}</button>
      ${run.pair && html`<button type="button" class="secondary small" onClick=${() => set([...moment.sample])}>${t("score.generator")}</button>`}
    </div>
    <div class=${classes("sliders", run.width > 8 && "many")}>${vector.map((value, k) => html`<label class="slider"><span>${k + 1}</span><output>${fine(value)}</output>
      <input type="range" min="0" max="1" step="0.001" value=${value} aria-label=${t("score.place", { place: k + 1 })}
        onInput=${(event) => set(vector.with(k, +event.target.value))} /></label>`)}</div>
    <${Cells} values=${vector} label=${t("score.vector")} />
    <${Verdict} score=${scoreOf(moment, vector)} />
  </section>`;
}
