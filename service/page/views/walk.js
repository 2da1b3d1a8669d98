// Slow motion: the three steps of an iteration, each with its forward pass, loss, backward pass and update, beside their code.

import { api } from "../api.js";
import { WalkPicture } from "../charts/walkpicture.js";
import { Iterations, lossOf } from "../gradients.js";
import { Network } from "../model.js";
import { onTick, player } from "../player.js";
import { indexAt } from "../run.js";
import { PLACES, slowMotion } from "../slowmotion.js";
import { state } from "../state.js";
import { classes, Component, createRef, html } from "../ui.js";
import { fine, gap, short, t, whole } from "../words.js";

const STEPS = ["real", "fake", "generator"];
const PHASES = ["forward", "loss", "backward", "update"];
const SPACE = 28; // in px, around the marked lines of code: the box fades at its end
const FAST_MS = 180; // a step, when it goes faster
const FAST_ITERATIONS = 10;
const MAX_OFFSET = 1000; // iterations after a snapshot
const LEAD = 0.04; // a difference between D's scores of real data and fakes that shows
const MET = 0.03; // the distance of both from 0.5, when they have met
const SMALL_STEP = 10; // times smaller than D's

/** Close the walk, and move the focus to the step that it belongs to. */
function close() {
  state.replace({ walk: "" });
  requestAnimationFrame(() => document.querySelector("#stage-title")?.focus());
}

function playRun() {
  close();
  player.replay();
}

export default class Walk extends Component {
  title = createRef();

  componentDidMount() {
    this.stop = onTick(() => this.follow());
    if (slowMotion.started) this.title.current?.focus();
    slowMotion.started = false;
  }

  componentWillUnmount() {
    this.stop();
    clearInterval(this.timer);
  }

  /** Play leaves the walk. */
  follow() {
    if (player.playing) state.replace({ walk: "" });
    this.setState({});
  }

  /** The snapshot to begin at: the one before the last at the end of a run, since no iteration follows. */
  rowOf() {
    const { snapshotIterations, ended } = player.run;
    return Math.min(indexAt(snapshotIterations, player.at), Math.max(snapshotIterations.length - (ended ? 2 : 1), 0));
  }

  go(place) {
    this.pause();
    state.replace({ walk: Math.min(Math.max(place, 1), MAX_OFFSET * PLACES) });
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** Ten iterations, with one picture for each step, to the start of the next one. */
  hurry(place, last) {
    const end = Math.min((Math.floor((place - 1) / PLACES) + FAST_ITERATIONS) * PLACES + 1, last);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.go(end);
    if (this.timer) return this.go(place);
    this.timer = setInterval(() => {
      place = Math.min((Math.floor(place / PHASES.length) + 1) * PHASES.length, end);
      state.replace({ walk: place });
      if (place === end) this.pause();
      this.setState({});
    }, FAST_MS);
    return this.setState({});
  }

  render({ run }) {
    if (!run.hasWeights || player.moment.run !== run) return null;
    const row = this.rowOf();
    const moved = this.iterations?.run === run && this.iterations.row !== row;
    if (this.iterations?.run !== run || moved) this.iterations = new Iterations(run, row);
    if (moved) this.go(((state.number("walk", 1) - 1) % PLACES) + 1); // the same step at another moment
    const exact = run.config.optimizer === "sgd";
    const last = (exact ? Math.min(MAX_OFFSET, run.config.iterations - this.iterations.first + 1) : 1) * PLACES;
    const place = Math.min(Math.max(Math.round(state.number("walk", 1)), 1), last);
    if (place >= PLACES) slowMotion.seen = true;
    const { iteration, steps } = this.iterations.at(Math.floor((place - 1) / PLACES));
    const [which, phase] = [Math.floor(((place - 1) % PLACES) / PHASES.length), (place - 1) % PHASES.length];
    const step = steps[which];
    const start = place - ((place - 1) % PLACES);
    const because = why(run, steps, which, phase, iteration);
    const fast = Boolean(this.timer);
    const done = place % PLACES === 0;
    return html`<section class="walk" aria-labelledby="walk-title">
      <div class="walk-head"><h2 id="walk-title" tabindex="-1" ref=${this.title}>${t("walk.title", { at: whole(iteration) })} <span class="quiet">${"abc"[which]} · ${t(`walk.${PHASES[phase]}`)}</span></h2><${Stops} run=${run} place=${place} /><button type="button" class="plain" onClick=${close}>${t("walk.close")}</button></div>
      <ol class="walk-steps">${STEPS.map((name, k) => html`<li><button type="button" class=${classes(k === which && "here")} aria-current=${k === which ? "step" : undefined} onClick=${() => this.go(start + k * PHASES.length)}>
        <span><b>${"abc"[k]}</b> ${t(`walk.${name}`)}</span><span class="walk-dots" aria-hidden="true">${PHASES.map((_, n) => html`<i class=${classes((k < which || (k === which && n <= phase)) && "on")} />`)}</span></button></li>`)}</ol>
      <div class="row walk-controls">
        <button type="button" class="secondary" disabled=${place === 1} onClick=${() => this.go(place - 1)}>${t("walk.back")}</button>
        <button type="button" class=${done ? "secondary" : "primary"} disabled=${place === last} onClick=${() => this.go(place + 1)}>${t(done && place < last ? "walk.next.iteration" : "walk.next")}</button>
        ${exact && html`<button type="button" class="secondary" onClick=${() => this.hurry(place, last)}>${t(fast ? "walk.pause" : "walk.fast", { count: FAST_ITERATIONS })}</button>`}
        <button type="button" class="secondary" onClick=${playRun}>${t("walk.run", { count: whole(run.config.iterations) })}</button>
      </div>
      <div class="walk-shown">
        <${WalkPicture} name="machine" step=${step} other=${steps[which ? 0 : 1]} phase=${phase} loss=${run.config.loss} distance=${distance(run.config, step)} moment=${`${row} ${place}`} fast=${fast} />
        <div class="walk-says" aria-live=${fast ? "off" : "polite"}>
          <p class="walk-sentence"><b>${t(`walk.${PHASES[phase]}`)}${t("walk.colon")}</b>${gap()}${sentence(run, step, PHASES[phase])}</p>
          ${because && html`<p class="walk-why">${because}</p>`}
          ${(done || (place > PLACES && place % PLACES === 1)) && html`<${NextStop} run=${run} />`}
        </div>
        <${Figures} config=${run.config} step=${step} phase=${phase} />
      </div>
      <${Code} job=${run.job} which=${which} phase=${phase} note=${notes(run.config)} />
    </section>`;
  }
}

/** Moments of the run worth a walk, each with its place: its start, D ahead of G, its end. */
function stopsOf(run) {
  const [ahead, end] = [leads(run), run.snapshotIterations.at(-2) ?? 0];
  return [["start", 0, 1], ["ahead", ahead, 10], ["end", end, 6]].filter(([name, at]) => at > 0 || name === "start");
}

function Stops({ run, place: now }) {
  return html`<div class="row" role="group" aria-label=${t("walk.stops")}>${stopsOf(run).map(([name, at, place]) => html`<button type="button" class="chip" aria-pressed=${player.at === at && now <= PLACES}
    onClick=${() => slowMotion.start(at, place)}>${t(`walk.stop.${name}`)}</button>`)}</div>`;
}

/** The way from one of these moments to the next, and from the last one to the next step. */
function NextStop({ run }) {
  const next = stopsOf(run).find(([, at]) => at > player.at);
  const [words, go] = next ? [`walk.next.${next[0]}`, () => slowMotion.start(next[1], next[2])] : ["walk.next.losses", () => state.push({ step: 5, walk: "", at: "" })];
  return html`<button type="button" class="primary small" onClick=${go}>${t(words)}</button>`;
}

/** The snapshot at which D tells real data and fakes apart best; 0 if it never does clearly. */
function leads(run) {
  const { width, config, samples, discriminators, snapshotIterations } = run;
  const D = new Network(width, config.hidden_size, 1);
  let [most, at] = [LEAD, 0];
  snapshotIterations.forEach((iteration, row) => {
    D.blend(discriminators, row, row, 0);
    const lead = scoreOfReal(run, D) - D.run(samples.subarray(row * width, (row + 1) * width))[0];
    if (lead > most) [most, at] = [lead, iteration];
  });
  return at;
}

/** D's mean score of the centres of the real regions. */
const scoreOfReal = ({ centres }, D) => centres.reduce((sum, centre) => sum + D.run(centre)[0] / centres.length, 0);

/** A format with as many digits of the score as make the calculation of the step's loss or slope right as printed. */
function exactly({ loss }, { score, target }, which) {
  const value = (of) => fine(lossOf(loss, of, target)[which], 3);
  let digits = 3;
  while (digits < 7 && value(+score.toFixed(digits)) !== value(score)) digits++;
  return (of) => fine(of, digits);
}

const distance = (config, step) => exactly(config, step, "loss")(Math.abs(step.score - step.target));

/** The calculation of a step's loss or of its slope. */
function calculation(config, step, which) {
  const { name, score, target } = step;
  const raised = name === "generator" && !target; // D's loss, by minimax
  const printed = exactly(config, step, which)(score);
  const written = {
    loss: config.loss === "mse" ? `${distance(config, step)}²` : (raised ? "" : "−") + (target ? `ln ${printed}` : `ln(1 − ${printed})`),
    slope: config.loss === "mse" ? `2·(${printed} − ${target})` : target ? `−1 / ${printed}` : `${raised ? "−" : ""}1 / (1 − ${printed})`,
  };
  return `${written[which]} = ${fine(lossOf(config.loss, score, target, raised ? -1 : 1)[which], 3)}`;
}

/** The calculation of a loss, or its value where more than one score counts. */
const formula = ({ config }, step) =>
  (config.batch_size > 1 || (config.r1 && step.name === "real") ? fine(step.loss, 3) : calculation(config, step, "loss"));

/** What happens in a phase of a step. */
function sentence(run, step, phase) {
  let key = `walk.${step.name}.${phase}`;
  if (phase === "update" && !step.after) key = "walk.adam.update";
  else if (step.name === "generator" && phase === "loss" && !step.target) key += ".minimax";
  const [before, after] = apart(step.score, step.scoreAfter ?? step.score);
  if (key === "walk.generator.update" && before === after) key += ".same";
  return t(key, { score: fine(step.score, 3), before, after, latent: short(step.input[0]), distance: distance(run.config, step), count: run.width, rate: short(step.rate), formula: formula(run, step) });
}

/** Why a phase is as it is, at this moment of the run. */
function why(run, [real, fake, byG], which, phase, iteration) {
  const place = which * PHASES.length + phase;
  const { latent, loss, iterations, optimizer } = run.config;
  const mean = scoreOfReal(run, real.D);
  const isAhead = real.score - fake.score >= LEAD;
  const met = !isAhead && [mean, fake.score].every((score) => Math.abs(score - 0.5) <= MET);
  const times = Math.abs((fake.scoreAfter - fake.score) / (byG.scoreAfter - byG.score));
  const keys = {
    0: iteration === 1 && "start",
    5: met && iteration > iterations / 2 && (loss === "mse" ? "even" : "even.entropy"),
    8: latent === "constant" && (run.patterns.length > 1 ? "latent.several" : "latent"),
    9: isAhead && "ahead",
    10: iteration === 1 && "random",
    11: iteration === 1 ? iterations > 1 && (optimizer === "sgd" ? "over" : "over.adam") : times >= SMALL_STEP && times < Infinity && (isAhead ? "small" : met && "small.met"),
  };
  return keys[place] ? t(`walk.why.${keys[place]}`, {
    mean: fine(mean, 3), real: fine(real.score, 3), fake: fine(fake.score, 3), now: fine(byG.score, 3), latent: short(run.config.latent_value), left: whole(iterations - 1),
    times: whole(Number(times.toPrecision(1))), slope: short(Math.max(...byG.back.map(Math.abs)) / Math.abs(byG.slope)), bend: short(Math.max(...byG.vector.map((value) => value * (1 - value)))),
  }) : "";
}

/** What the settings of a run change in the picture. */
function notes({ batch_size: batch, discriminator_steps: steps, r1, optimizer }) {
  const all = [["draws", optimizer === "sgd"], ["adam", optimizer !== "sgd"], ["batch", batch > 1], ["steps", steps > 1], ["r1", r1 > 0]];
  return all.filter(([, applies]) => applies).map(([name]) => t(`walk.note.${name}`, { batch, steps })).join(gap());
}

/** Two close numbers with as many digits as tell them apart. */
function apart(before, after) {
  const digits = Math.min(Math.max(-Math.floor(Math.log10(Math.abs(after - before) || 1)), 3), 7);
  return [fine(before, digits), fine(after, digits)];
}

/** The numbers of a step, each from the phase on that gives it. */
function Figures({ config, step, phase }) {
  const { gradient, learner, after } = step;
  const most = gradient.reduce((best, value, k) => (Math.abs(value) > Math.abs(gradient[best]) ? k : best), 0);
  const name = step.name === "generator" ? "G" : "D";
  const rows = [
    ["score", 0, phase === 3 && after ? apart(step.score, step.scoreAfter).join(" → ") : fine(step.score, 3)],
    ["loss", 1, fine(step.loss, 3)],
    ["slope", 2, calculation(config, step, "slope")],
    ["changed", 3, t("walk.changed", { name, count: gradient.filter((value) => value).length, all: gradient.length, other: name === "D" ? "G" : "D" })],
    ["most", 3, after ? apart(learner.weights[most], after.weights[most]).join(" → ") : "–"],
  ];
  return html`<dl class="walk-figures">${rows.map(([key, from, value]) => html`<div class=${classes((from === phase || (key === "score" && phase === 3)) && "now")}><dt>${t(`walk.figure.${key}`)}</dt><dd>${phase >= from ? value : "–"}</dd></div>`)}</dl>`;
}

const scripts = new Map(); // by job

/** The lines of the exported program that do the step; those of the phase are marked. */
class Code extends Component {
  marked = createRef();

  componentDidMount() {
    this.load();
  }

  componentDidUpdate() {
    this.load();
    const { current } = this.marked;
    const place = [this.props.which, this.props.phase, this.state.whole].join();
    if (!current || place === this.place) return; // the user may have scrolled
    this.place = place;
    const box = current.parentElement;
    const last = [...box.querySelectorAll(".now")].at(-1);
    const hidden = last.offsetTop + last.offsetHeight - box.clientHeight;
    box.scrollTop = hidden > 0 ? Math.min(hidden + SPACE, current.offsetTop - SPACE) : 0;
  }

  load() {
    const { id } = this.props.job;
    if (!scripts.has(id)) scripts.set(id, api.script(id).then((text) => scripts.set(id, text.trimEnd().split("\n")) && this.setState({}), () => {}));
  }

  render({ job, which, phase, note }, { whole: all }) {
    const lines = scripts.get(job.id);
    if (!Array.isArray(lines)) return html`<div class="walk-code" />`;
    const places = placesOf(lines, which, PHASES[phase]);
    const shown = all ? lines.map((_, k) => k) : places.shown;
    const now = new Set(places[PHASES[phase]]);
    return html`<div class="walk-code">
      <div class="walk-code-head"><h3>${t("walk.code")}</h3><button type="button" class="plain" aria-expanded=${Boolean(all)} onClick=${() => this.setState({ whole: !all })}>${t(all ? "walk.code.step" : "walk.code.whole")}</button></div>
      <div class=${classes("code", all && "scroll")} tabindex="0" role="region" aria-label=${t(all ? "walk.code.whole" : "walk.code")}>${shown.map((k, n) => html`
        ${n > 0 && k !== shown[n - 1] + 1 && html`<p class="code-gap" aria-hidden="true">⋮</p>`}
        <p class=${classes("code-line", now.has(k) && "now")} ref=${k === places[PHASES[phase]][0] ? this.marked : undefined}><i aria-hidden="true">${k + 1}</i><code style=${{ "--indent": `${lines[k].search(/\S|$/) + 4}ch` }}>${now.has(k) ? html`<mark>${tinted(lines[k])}</mark>` : tinted(lines[k])}</code></p>`)}</div>
      <p class="caption">${note}</p>
    </div>`;
  }
}

/** A line of Python, its comment in quiet colour. */
function tinted(line) {
  const at = line.search(/(^|\s)#/);
  return at < 0 ? line : html`${line.slice(0, at)}<span class="quiet">${line.slice(at)}</span>`;
}

/** The lines of the program that belong to each phase of a step, and those to show in a phase, found by their comments and names. */
function placesOf(lines, which, phase) {
  const find = (pattern) => [...lines.keys()].filter((k) => pattern.test(lines[k]));
  const block = (pattern) => {
    const first = lines.findIndex((line) => pattern.test(line));
    const end = lines.findIndex((line, k) => k > first && !line.trim());
    return first < 0 ? [] : [...lines.keys()].slice(first, end);
  };
  const learn = block(/^def learn\(/);
  const inLearn = (pattern) => learn.filter((k) => pattern.test(lines[k]));
  const learner = which === 2 ? "generator" : "discriminator";
  const step = block(new RegExp(`^ *# ${"abc"[which]}\\. `));
  const settings = find(new RegExp(`^(LEARNING_RATE|${learner.toUpperCase()}_LEARNING_RATE|${learner}_optimizer) =`));
  const loss = find(/^(loss_function|REAL, FAKE) =/);
  return {
    forward: step.filter((k) => !lines[k].trim().startsWith("#")),
    loss: [...inLearn(/^ +loss = /), ...loss],
    backward: inLearn(/zero_grad|backward/),
    update: [...inLearn(/\.step\(/), ...settings],
    shown: [...step, ...learn.filter((k) => !/"""|return/.test(lines[k])), ...({ loss, update: settings }[phase] ?? [])],
  };
}
