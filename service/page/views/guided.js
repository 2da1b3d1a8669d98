// Guided path of the article: its steps, each with a sentence, a button, and a stage that shows the result.

import { Evolution } from "../charts/evolution.js";
import { Losses } from "../charts/losses.js";
import { Machine } from "../charts/machine.js";
import { latentRange, Response } from "../charts/response.js";
import { drawReal, patternsOf } from "../model.js";
import { onTick, player } from "../player.js";
import { BEYOND, isTrained, session, showsUntrained, train } from "../session.js";
import { compareWithArticle } from "../settings.js";
import { slowMotion } from "../slowmotion.js";
import { state } from "../state.js";
import { classes, Component, createRef, html, lazy } from "../ui.js";
import { addWords, gap, t } from "../words.js";
import { focusTitle, openPath, Paths, Steps } from "./path.js";
import { listed, Outcome } from "./runhead.js";
import { described, observation } from "./seen.js";
import { Sample, Score } from "./try.js";
import { responseNote } from "./watch.js";

const withTexts = (module) => Promise.all([module, addWords("-paths")]).then(([loaded]) => loaded);
const Draws = lazy(() => import("../charts/draws.js"));
const Beyond = lazy(() => withTexts(import("./beyond.js")), "beyond");
const Walk = lazy(() => withTexts(import("./walk.js")), "walk");
const STEPS = ["start", "real", "alone", "untrained", "train", "losses", "sample", "evolve"];
const REPLAYED = ["alone", "train", "losses", "evolve"]; // steps whose picture plays
const [START, , ALONE, UNTRAINED, TRAIN] = STEPS.keys();
const ARTICLE = { pattern: "1010", spread: 0.2 };
const MAX_DRAWS = 200;

/** Feed a random latent near an end of the range, now the one and now the other. */
const feed = (config) => {
  const [low, high] = latentRange(config);
  const away = 0.3 * Math.random() * (high - low);
  state.replace({ feed: (state.number("feed", low) < (low + high) / 2 ? high - away : low + away).toFixed(2) });
};
const visited = new Set(); // steps that were done
let ownJob = ""; // the last GAN that was trained here
const newSeed = () => Math.floor(Math.random() * 1e6);

export const Guided = () => (state.get("path") === BEYOND ? html`<${Beyond} />` : html`<${Article} />`);

class Article extends Component {
  state = { rows: [] };
  pictures = createRef();

  componentDidMount() {
    this.stop = onTick(() => this.setState({}));
  }

  componentDidUpdate() {
    focusTitle(this);
    const step = STEPS[this.step];
    if (this.entered !== step) [this.entering, this.entered] = [this.entered && !state.get("at"), step];
    const { run } = player;
    if (!this.entering || run !== session.run || !isTrained(run) || !run.ended) return;
    this.entering = false;
    if (step === "sample") player.show(run);
    else if (step === "losses" || step === "evolve") this.replay();
  }

  componentWillUnmount() {
    this.stop();
    this.stopWaiting();
  }

  /** Play from the start as soon as the picture is in the window above the player. */
  replay() {
    this.stopWaiting();
    player.replay();
    const picture = this.pictures.current?.querySelector(".picture");
    if (!player.playing || !picture) return;
    player.playing = false;
    this.observer = new IntersectionObserver((entries) => {
      if (!entries.at(-1).isIntersecting) return;
      this.stopWaiting();
      if (player.at === 0) player.play();
    }, { rootMargin: "0px 0px -80px", threshold: 0.6 });
    this.observer.observe(picture);
  }

  stopWaiting() {
    this.observer?.disconnect();
    this.observer = null;
  }

  /** Whether a replay has still to show what the observation tells. */
  get isPlaying() {
    return player.playing || Boolean(this.observer && player.at === 0);
  }

  async train(...job) {
    const started = await train(...job);
    if (started?.config.experiment === "gan") ownJob = started.id;
    if (started && player.playing) this.replay();
  }

  go(step) {
    state.push({ step: step || "", at: "", walk: "" });
    scrollTo(0, 0);
  }

  trainNow = () => this.train({ seed: newSeed() }, "job", { step: TRAIN });

  /** The action of each step, and whether it is done. */
  actions() {
    const { run } = session;
    const trained = isTrained(run);
    return {
      real: { do: () => this.draw(), done: this.state.rows.length > 0 },
      alone: { do: () => this.train({ preset: "discriminator-alone", name: t("guided.alone.name") }, "alone", { step: ALONE }), done: Boolean(run && !run.hasGenerator) },
      untrained: { do: () => train({ iterations: 1, seed: newSeed(), name: t("guided.untrained.name") }, "job", { step: UNTRAINED }), done: Boolean(run?.hasGenerator) },
      train: { do: () => this.train({ seed: (!trained && run?.config.seed) || newSeed() }, "job", { step: TRAIN, walk: "" }), done: trained },
      losses: { do: () => this.replay(), done: trained, needs: !trained },
      sample: { do: () => feed(run.config), done: trained && Boolean(state.get("feed")), needs: !trained },
      evolve: { do: () => this.replay(), done: trained, needs: !trained },
    };
  }

  /** Do what a step offers, and bring its pictures into the window. */
  async act(action) {
    await action.do();
    this.pictures.current?.scrollIntoView({ block: "nearest" });
  }

  draw() {
    const { pattern, spread } = this.realData;
    const patterns = patternsOf(pattern);
    const one = () => drawReal(patterns[Math.floor(Math.random() * patterns.length)], spread);
    const rows = [...this.state.rows, ...Array.from({ length: this.state.rows.length ? 20 : 1 }, one)];
    this.setState({ rows: rows.slice(-MAX_DRAWS) });
  }

  render() {
    const step = (this.step = Math.min(Math.max(Math.round(state.number("step", 0)), 0), STEPS.length - 1));
    const { pattern, spread } = session.run?.config ?? ARTICLE;
    if (pattern !== this.realData?.pattern || spread !== this.realData.spread) Object.assign(this, { realData: { pattern, spread }, state: { ...this.state, rows: [] } });
    const actions = this.actions();
    if (actions[STEPS[step]]?.done) visited.add(STEPS[step]);
    return html`<div class=${classes("guided", step > 0 && "under-way", step === TRAIN && slowMotion.on && "walking")}>
      <section class="intro">
        <h1>${t("guided.title")}</h1>
        <p class="lede">${t("guided.lede")}</p>
        ${step === START && html`<div class="row go"><button type="button" class="primary huge" onClick=${() => this.go(1)}>${t("guided.go")}</button>
          <button type="button" class="plain" disabled=${session.busy} onClick=${this.trainNow}>${t(session.busy ? "train.busy" : "guided.go.now")}</button></div>
          <p class="quiet small-print">${t("guided.go.note")}</p>`}
        <${Paths} />
      </section>
      <${Steps} names=${STEPS.slice(1)} current=${step} isDone=${(name) => visited.has(name)} go=${(to) => this.go(to)} />
      <section class=${classes("stage card", step > 0 && "beside")} aria-labelledby="stage-title">
        ${step === START ? html`<h2 id="stage-title" class="unseen" tabindex="-1">${t("guided.start.title")}</h2>` : html`<${StepText} name=${STEPS[step]} step=${step} action=${actions[STEPS[step]]} isPlaying=${this.isPlaying && REPLAYED.includes(STEPS[step]) && session.run.job.result} rows=${this.state.rows.length} trainNow=${this.trainNow} act=${(action) => this.act(action)} go=${(to) => this.go(to)} />`}
        <div class=${`stage-pictures at-${STEPS[step]}`} ref=${this.pictures}>${this.stage(STEPS[step])}</div>
      </section>
    </div>`;
  }

  stage(name) {
    const { run } = player;
    const { moment } = player;
    if (name === "start") return html`<${Machine} name="machine" /><p class="caption">${t("guided.start.says")}</p>`;
    if (name === "real") return html`<${Draws} name="draws" rows=${this.state.rows} patterns=${patternsOf(this.realData.pattern)} spread=${this.realData.spread} />`;
    if (!run?.job.id || showsUntrained()) return html`<${Machine} name="machine" />`;
    const ready = moment.run === run && run.hasGenerator;
    return {
      alone: () => html`<${Machine} name="machine" /><${Losses} run=${run} bare />`,
      train: () => (ready && slowMotion.on ? html`<${Walk} run=${run} />` : html`<${Machine} name="machine" /><${Evolution} name="evolution" note=${t("evolution.note")} />`),
      losses: () => html`<${Losses} run=${run} />`,
      sample: () => ready && html`<div class="halves"><div class="halves-part"><${Sample} run=${run} moment=${moment} bare /><${Response} name="response" title=${t("response.title")} note=${responseNote(run)} latent=${state.number("feed", run.config.latent_value)} /></div><${Score} run=${run} moment=${moment} /></div>`,
      evolve: () => html`<${Evolution} name="evolution" />`,
    }[name]();
  }
}

/** A step's text, its button, its observation, and the button to the next step. */
function StepText({ name, step, action, isPlaying, rows, act, go, trainNow }) {
  const last = step === STEPS.length - 1;
  const other = step > UNTRAINED && isTrained(session.run) ? compareWithArticle(session.run.config)[0] : [];
  const next = (place) => html`<button type="button" class=${classes(isPlaying || (name === "train" && slowMotion.possible && !slowMotion.seen) ? "secondary" : "primary", "next", place)} onClick=${() => (last ? openPath(BEYOND) : go(step + 1))}>${t(last ? "path.beyond" : "guided.next")}</button>`;
  const button = name === "train" && other.length ? "guided.other.train" : `guided.${name}.${action.done ? "again" : "do"}`;
  return html`<div class="stage-text"><div class="step-text">
    <p class="step-count">${t("guided.count", { step, count: STEPS.length - 1 })}</p>
    <h2 id="stage-title" tabindex="-1">${t(`guided.${name}.title`)}</h2>
    ${other.length > 0 && html`<${Other} run=${session.run} settings=${other} trainNow=${trainNow} />`}
    <div class="sentence"><p>${t(`guided.${name}.sentence`, described(session.run))}</p>
      ${name === "train" && html`<ol class="abc">${["a", "b", "c"].map((part) => html`<li>${t(`guided.train.${part}`, described(session.run))}</li>`)}</ol>`}</div>
    <div class="row">
      ${name === "train" && action.done && slowMotion.possible && html`<button type="button" class=${isPlaying || slowMotion.seen ? "secondary" : "primary"} onClick=${() => slowMotion.start()}>${t("walk.go")}</button>`}
      ${action.needs
        ? html`<button type="button" class="primary" onClick=${() => go(TRAIN)}>${t("guided.needs")}</button>`
        : html`<button type="button" class=${action.done ? "secondary" : "primary"} disabled=${session.busy} onClick=${() => act(action)}>${t(button)}</button>`}
      ${action.done && next("in-row")}
      ${action.done && last && html`<button type="button" class="secondary" onClick=${() => state.push({ view: "lab", step: "" })}>${t("guided.tolab")}</button>`}
    </div>
  </div>
  ${action.done && html`<div class="seen" role="status">${[isPlaying ? t(`guided.${name}.watch`, described(session.run)) : observation(name, session.run, rows)].flat().map((words) => html`<p>${words}</p>`)}</div>`}
  ${name === "train" && action.done && !isPlaying && html`<${Outcome} run=${session.run} />`}
  ${action.done && next("below")}</div>`;
}

/** What differs from the article in a run that comes from elsewhere, and the way back. */
function Other({ run, settings, trainNow }) {
  const back = ownJob && ownJob !== run.job.id ? () => state.push({ job: ownJob, at: "", walk: "" }) : null;
  return html`<p class="other-run note">${t("guided.other")}${gap()}<b>${listed(run.config, settings)}</b>${gap()}<button type="button" class="chip" disabled=${session.busy} onClick=${back ?? trainNow}>${t(back ? "guided.other.own" : "guided.other.train")}</button></p>`;
}
