// The guided path beyond the article: too fast a training, mode collapse, and what helps. Each step trains one GAN, and sweeps many.

import { Evolution } from "../charts/evolution.js";
import { Response } from "../charts/response.js";
import { Surface } from "../charts/surface.js";
import { api } from "../api.js";
import { backward } from "../gradients.js";
import { Network } from "../model.js";
import { settingName } from "../labels.js";
import { player } from "../player.js";
import { runAction, session, train } from "../session.js";
import { state } from "../state.js";
import { classes, Component, html } from "../ui.js";
import { fine, t, whole } from "../words.js";
import { Made, stretches } from "./made.js";
import { focusTitle, Paths, Steps } from "./path.js";
import { outcomeOf } from "./runhead.js";
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
 * Each step: the settings of its GAN, the groups of outcomes that its observation is true of, whether it speaks of a GAN
 * that moves on, whether D's slope matters, and the sweep: which settings stay, and which setting takes which values.
 */
export const STEPS = {
  chase: { settings: FAST, seed: CHASING, shows: [0], moves: true, base: { preset: "article" }, grid: { learning_rate: [0.01, 0.1] } },
  brake: { slope: true, settings: { ...FAST, r1: 0.1 }, seed: CHASING, shows: [2], base: FAST, grid: { r1: [0, 0.1] } },
  choose: { settings: { ...SINGLE, latent: "constant" }, shows: [1], moves: true, base: SINGLE, grid: { latent: ["constant"] } },
  collapse: { settings: SINGLE, shows: [1], moves: true, base: SINGLE, grid: { latent: ["constant", "normal"] } },
  batch: { settings: BATCHES, shows: [2], base: TWO, grid: { batch_size: [1, 8] } },
  rate: { settings: { ...BATCHES, learning_rate: 0.05 }, seed: RUSHING, shows: [0, 1], moves: true, base: { preset: "two-patterns", batch_size: 8 }, grid: { learning_rate: [0.001, 0.005, 0.05] } },
  penalty: { slope: true, settings: { ...BATCHES, r1: 0.3 }, seed: STUBBORN, shows: [2], base: BATCHES, grid: { r1: [0, 0.3, 1] } },
  more: { slope: true, settings: { ...BATCHES, discriminator_steps: 3 }, shows: [0, 1], base: BATCHES, grid: { discriminator_steps: [1, 3] } },
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
    const bar = document.querySelector(".player")?.offsetHeight || 64; // the player may come a moment later
    if (charts.getBoundingClientRect().bottom > innerHeight - bar) document.querySelector(".beyond .step-text .row").scrollIntoView();
  }

  async trainOne(name, step, change) {
    const { settings, seed = COLLAPSING } = STEPS[name];
    this.trained = Boolean(await train({ ...settings, seed, name: t(`guided.${name}.title`), ...change }, `b${step}`));
    this.setState({});
  }

  async sweep(name, step) {
    const { base, grid } = STEPS[name];
    this.setState({ busy: true });
    const view = state.viewKey();
    await runAction(async () => {
      const job = await api.sweep({ base, grid, seeds: { start: 0, count: SEEDS }, name: t(`guided.${name}.title`) });
      this.fresh = job.id;
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
    const kind = step <= 2 ? "chase" : "cover";
    const shown = trained && run && player.run === run;
    const [[field, values]] = Object.entries(STEPS[name].grid);
    return html`<div class="guided under-way beyond">
      <section class="intro"><h1>${t("beyond.title")}</h1><${Paths} /></section>
      <${Steps} names=${NAMES} current=${step} isDone=${isDone} go=${(to) => this.go(to)} />
      <section class="stage card" aria-labelledby="stage-title">
        <div class="step-text">
          <p class="step-count">${t("guided.count", { step, count: NAMES.length })}</p>
          <h2 id="stage-title" tabindex="-1">${t(`guided.${name}.title`)}</h2>
          <p class="sentence">${t(`guided.${name}.sentence`, { seed: STEPS[name].seed ?? COLLAPSING })}</p>
          <div class="row">
            <button type="button" class=${trained ? "secondary" : "primary"} disabled=${session.busy} onClick=${() => this.trainOne(name, step, trained && { seed: Math.floor(Math.random() * 1e6) })}>${t(trained ? "beyond.again" : `guided.${name}.do`)}</button>
            <button type="button" class=${trained && !swept ? "primary" : "secondary"} disabled=${busy} onClick=${() => this.sweep(name, step)}>${t("beyond.sweep", { count: SEEDS, settings: values.length })}</button>
            ${trained && html`<button type="button" class=${swept ? "primary next" : "secondary"} onClick=${next}>${t(last ? "guided.tolab" : "guided.next")}</button>`}
          </div>
        </div>
        ${shown && html`<p class="seen" role="status">${run.job.result ? observation(name, kind, run) : outcomeOf(run)}</p>`}
        ${shown && html`<p class="row same-seed"><span class="caption">${t(values.length > 1 ? "beyond.same" : "outcome.seed", { seed: run.config.seed })}</span>${values.length > 1 && values.map((value) => html`<button type="button" class=${classes("chip", run.config[field] === value && "here")}
          aria-pressed=${run.config[field] === value} disabled=${session.busy} onClick=${() => this.trainOne(name, step, { [field]: value, seed: run.config.seed })}>${settingName(field, value)}</button>`)}</p>`}
        ${shown ? html`<${Stage} run=${run} slope=${STEPS[name].slope} />` : !trained && html`<p class="caption">${t("beyond.before")}</p>`}
      </section>
      ${swept && html`<${Swept} key=${swept} id=${swept} fresh=${swept === this.fresh} kind=${kind} base=${STEPS[name].base} says=${`guided.${name}.swept`} label=${(config) => Object.entries(config).map(([field, value]) => settingName(field, value)).join(" · ")}>
        ${last && html`<p class="remember"><b>${t("beyond.remember")}</b>${t("beyond.remember.text")}</p>`}</${Swept}>`}
    </div>`;
  }
}

/** What a run has done: what its step is about, or else what it does instead. */
function observation(name, kind, run) {
  const { settings, grid, shows, moves } = STEPS[name];
  const { result } = run.job;
  const [[field, values]] = Object.entries(grid);
  const isAsMeant = run.config[field] === (settings[field] ?? values.at(-1));
  const isWhole = kind === "chase" || !shows.includes(1) || shows.includes(0) || Math.max(...result.shares) > 0.9;
  const hasMoved = !moves || (leavings(run).length && new Set(stretches(run).map(({ pattern }) => pattern)).size === run.patterns.length);
  const makesAsMeant = shows.includes(GROUPS[kind].of(result));
  if (isAsMeant && isWhole && hasMoved && makesAsMeant) return t(`guided.${name}.seen`);
  const fact = kind === "chase" ? chaseOf(run) : outcomeOf(run);
  if (!isAsMeant) return t("beyond.compared", { fact });
  return kind === "chase" || makesAsMeant ? fact : t("beyond.other", { fact });
}

/** The stretches that a run has left again. */
const leavings = (run) => stretches(run).filter(({ to }) => to < run.end);

/** When a run was in range of its one pattern, from its snapshots. */
function chaseOf(run) {
  const { settled_at: settled, in_range: isInside } = run.job.result;
  const left = leavings(run);
  const values = { at: whole(settled || stretches(run).at(-1)?.from || run.end), count: left.length, last: whole(left.at(-1)?.to ?? 0) };
  return t(isInside ? (left.length ? "beyond.inside" : "beyond.stayed") : left.length ? "beyond.outside" : "beyond.never", values);
}

/** The length of the gradient of D's score, at the middle of the real data: the mean of its regions. */
const slopeOf = (D, centres) => centres.reduce((sum, centre) => {
  D.run(centre);
  return sum + Math.hypot(...backward(D, centre, [1]).back) / centres.length;
}, 0);

/** The mean of D's slope over a run's snapshots. */
function meanSlope(run) {
  if (run.slope?.version === run.version) return run.slope.mean;
  const net = new Network(run.width, run.config.hidden_size, 1);
  let sum = 0;
  run.snapshotIterations.forEach((_, row) => {
    net.blend(run.discriminators, row, row, 0);
    sum += slopeOf(net, run.centres);
  });
  run.slope = { version: run.version, mean: sum / run.snapshotIterations.length };
  return run.slope.mean;
}

/** D's slope now, and its mean. */
const slopes = ({ D }, run) => t("beyond.slope", { now: fine(slopeOf(D, run.centres), 3), mean: fine(meanSlope(run), 3) });

/** The charts of a run: where G's samples are to D, and what it makes over its latents, or over time. */
const Stage = ({ run, slope }) => html`${run.varies && run.hasWeights && html`<${Made} run=${run} moments />`}
  ${run.hasWeights && html`<div class="halves">
    <${Surface} name="surface" title=${t("part.surface")} note=${surfaceNote(run, true)} recent says=${slope ? slopes : () => ""} />
    ${run.config.latent === "constant"
      ? html`<${Evolution} name="evolution" note=${t("evolution.note")} />`
      : html`<${Response} name="response" title=${t("response.title")} note=${responseNote(run)} latent=${NaN} />`}
  </div>`}`;
