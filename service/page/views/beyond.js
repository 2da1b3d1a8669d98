// The guided path beyond the article: too fast a training, mode collapse, and what helps. Each step trains one GAN, and sweeps many.

import { Evolution } from "../charts/evolution.js";
import { Machine } from "../charts/machine.js";
import { Response } from "../charts/response.js";
import { Surface, surfaceTitle } from "../charts/surface.js";
import { api } from "../api.js";
import { settingName } from "../plan.js";
import { player } from "../player.js";
import { runAction, session, train } from "../session.js";
import { state } from "../state.js";
import { Component, html } from "../ui.js";
import { t } from "../words.js";
import { Made } from "./made.js";
import { focusTitle, Paths, Steps } from "./path.js";
import { Outcome } from "./runhead.js";
import { GROUPS, Swept } from "./swept.js";
import { responseNote, surfaceNote } from "./watch.js";

const SEEDS = 200;
// Seeds of the first GAN of a step: it does what the step is about. How many others do, the sweep says.
const CHASING = 81;
export const COLLAPSING = 111; // and makes both patterns with batches
const RUSHING = 4;
const STUBBORN = 155; // collapses with batches, too
const FAST = { preset: "article", learning_rate: 0.1 };
const TWO = { preset: "two-patterns", learning_rate: 0.005 };
const SINGLE = { ...TWO, batch_size: 1 };
const BATCHES = { ...TWO, batch_size: 8 };

/**
 * Each step: the settings of its GAN, the groups of outcomes that its observation is true of, and the sweep: which
 * settings stay, and which setting takes which values.
 */
export const STEPS = {
  chase: { settings: FAST, seed: CHASING, shows: [0, 1], base: { preset: "article" }, grid: { learning_rate: [0.01, 0.1] } },
  brake: { settings: { ...FAST, r1: 0.1 }, seed: CHASING, shows: [2], base: FAST, grid: { r1: [0, 0.1] } },
  choose: { settings: { ...SINGLE, latent: "constant" }, shows: [1], base: SINGLE, grid: { latent: ["constant"] } },
  collapse: { settings: SINGLE, shows: [1], base: SINGLE, grid: { latent: ["constant", "normal"] } },
  batch: { settings: BATCHES, shows: [2], base: TWO, grid: { batch_size: [1, 8] } },
  rate: { settings: { ...BATCHES, learning_rate: 0.05 }, seed: RUSHING, shows: [0, 1], base: { preset: "two-patterns", batch_size: 8 }, grid: { learning_rate: [0.001, 0.005, 0.05] } },
  penalty: { settings: { ...BATCHES, r1: 0.3 }, seed: STUBBORN, shows: [2], base: BATCHES, grid: { r1: [0, 0.3, 1] } },
  more: { settings: { ...BATCHES, discriminator_steps: 3 }, shows: [0, 1], base: BATCHES, grid: { discriminator_steps: [1, 3] } },
};
const NAMES = Object.keys(STEPS);

export default class Beyond extends Component {
  go(step) {
    state.push({ step, at: "" });
    scrollTo(0, 0);
  }

  /** Scroll to the buttons and the charts of a run that was just trained, unless they are in the window. */
  componentDidUpdate() {
    focusTitle(this);
    const charts = this.trained && document.querySelector(".beyond .halves");
    if (!charts) return;
    this.trained = false;
    if (charts.getBoundingClientRect().bottom > innerHeight) document.querySelector(".beyond .step-text .row").scrollIntoView();
  }

  async trainOne(name, step, again) {
    const { settings, seed = COLLAPSING } = STEPS[name];
    this.trained = Boolean(await train({ ...settings, seed: again ? Math.floor(Math.random() * 1e6) : seed, name: t(`guided.${name}.title`) }, `b${step}`));
    this.setState({});
  }

  async sweep(name, step) {
    const { base, grid } = STEPS[name];
    this.setState({ busy: true });
    const view = state.viewKey();
    await runAction(async () => {
      const job = await api.sweep({ base, grid, seeds: { start: 0, count: SEEDS }, name: t(`guided.${name}.title`) });
      const patch = { [`s${step}`]: job.id };
      if (state.viewKey() === view) state.push(patch);
      else state.replace(patch);
    });
    this.setState({ busy: false });
  }

  render(_, { busy }) {
    const step = Math.min(Math.max(Math.round(state.number("step", 1)), 1), NAMES.length);
    const name = NAMES[step - 1];
    const trained = Boolean(state.get(`b${step}`));
    const swept = state.get(`s${step}`);
    const last = step === NAMES.length;
    const isDone = (_name, number) => Boolean(state.get(`b${number}`) && state.get(`s${number}`));
    const next = () => (last ? state.push({ view: "lab", path: "", step: "", job: state.get(`b${step}`) }) : this.go(step + 1));
    const { run } = session;
    const result = run?.job.result;
    const kind = step <= 2 ? "chase" : "cover";
    const seen = !result || STEPS[name].shows.includes(GROUPS[kind].of(result)) ? `guided.${name}.seen` : "beyond.other";
    return html`<div class="guided under-way beyond">
      <section class="intro"><h1>${t("beyond.title")}</h1><${Paths} /></section>
      <${Steps} names=${NAMES} current=${step} isDone=${isDone} go=${(to) => this.go(to)} />
      <section class="stage card" aria-labelledby="stage-title">
        <div class="step-text">
          <p class="step-count">${t("guided.count", { step, count: NAMES.length })}</p>
          <h2 id="stage-title" tabindex="-1">${t(`guided.${name}.title`)}</h2>
          <p class="sentence">${t(`guided.${name}.sentence`, { seed: STEPS[name].seed })}</p>
          <div class="row">
            <button type="button" class=${trained ? "secondary" : "primary"} disabled=${session.busy} onClick=${() => this.trainOne(name, step, trained)}>${t(trained ? "beyond.again" : `guided.${name}.do`)}</button>
            <button type="button" class=${trained && !swept ? "primary" : "secondary"} disabled=${busy} onClick=${() => this.sweep(name, step)}>${t("beyond.sweep", { count: SEEDS })}</button>
            ${trained && html`<button type="button" class=${swept ? "primary next" : "secondary"} onClick=${next}>${t(last ? "guided.tolab" : "guided.next")}</button>`}
          </div>
        </div>
        ${trained && html`<p class="seen" role="status">${t(seen)}</p>`}
        ${swept && html`<${Swept} key=${swept} id=${swept} kind=${kind} base=${STEPS[name].base} says=${`guided.${name}.swept`} label=${(config) => Object.entries(config).map(([field, value]) => settingName(field, value)).join(" · ")} />`}
        ${trained && run && player.run === run ? html`<${Stage} run=${run} />` : !swept && html`<p class="legend-line">${t("beyond.before")}</p><${Machine} name="machine" />`}
      </section>
    </div>`;
  }
}

/** The charts of a run: where G's samples are to D, and what it makes over its latents, or over time. */
const Stage = ({ run }) => html`<${Outcome} run=${run} />
  ${run.hasWeights && html`<div class="halves">
    <${Surface} name="surface" title=${surfaceTitle(run)} note=${surfaceNote(run)} />
    <div class="halves-part">${run.varies && html`<${Made} run=${run} />`}${run.config.latent === "constant"
      ? html`<${Evolution} name="evolution" title=${t("evolution.title")} note=${t("evolution.note")} />`
      : html`<${Response} name="response" title=${t("response.title")} note=${responseNote(run)} />`}</div>
  </div>`}`;
