// Downloads of a run: its pictures as the page draws them, numbers, networks and programs, and all of them as one archive.

import { sendRequest } from "../api.js";
import { fileName, save, toBlob } from "../files.js";
import { player } from "../player.js";
import { showError, session, addressedJobId } from "../session.js";
import { state } from "../state.js";
import { theme } from "../theme.js";
import { Component, html } from "../ui.js";
import { ago, t, whole, words } from "../words.js";
import { RunHead, runName } from "./runhead.js";

const SERVICE_PLOTS = ["losses", "evolution", "surface"]; // as SVG

const FORMATS = ["safetensors", "onnx"];
const networksOf = ({ hasGenerator }) => (hasGenerator ? ["generator", "discriminator"] : ["discriminator"]);

/** The files of a run that the service has: section, name, path, and the media type to ask for if it is not the first. */
function filesOf({ job, hasGenerator }) {
  const networks = job.status === "succeeded" ? networksOf({ hasGenerator }).flatMap((network) => FORMATS.map((format) => `${network}.${format}`)) : [];
  return [
    { section: "numbers", name: "losses.csv", path: `jobs/${job.id}/progress`, accept: "text/csv", says: "take.csv" },
    { section: "numbers", name: "snapshots.json", path: `jobs/${job.id}/snapshots?weights=true`, says: "take.snapshots" },
    { section: "numbers", name: "run.json", path: `jobs/${job.id}`, says: "take.job" },
    ...networks.map((name) => ({ section: "networks", name, path: `models/${job.id}/${name}` })),
    { section: "again", name: "train_gan.py", path: `jobs/${job.id}/script.py`, says: "take.script" },
    { section: "again", name: "train_gan_same_draws.py", path: `jobs/${job.id}/script.py?draws=same`, says: "take.script.same" },
  ];
}

const servicePlots = ({ job, hasGenerator }) => SERVICE_PLOTS.filter((name) => hasGenerator || name !== "evolution").map((name) => ({ name: `${name}.svg`, path: `jobs/${job.id}/plots/${name}.svg` }));
const load = async ({ path, accept }) => (await sendRequest(path, accept ? { headers: { Accept: accept } } : {})).blob();
const loadDrawing = () => import("../charts/plots.js");

export class TakeAway extends Component {
  componentDidMount() {
    this.choose();
    this.settle(player.at);
  }

  /** Stop the player, so that all pictures show one moment: where it is, or at the end if a replay begins here. */
  settle(at) {
    const { run } = session;
    if (!run || player.run !== run || (run === this.settled && !player.playing && !player.live)) return;
    this.settled = run;
    player.playing = false;
    player.setHover(null);
    player.seek(Math.min(at, run.end));
    player.live = false;
  }

  /** If the address names no run, choose the newest that has succeeded. */
  choose() {
    const newest = session.jobs?.find((job) => job.kind === "train" && job.status === "succeeded");
    if (newest && !state.get("job")) state.replace({ job: newest.id });
  }

  componentDidUpdate() {
    this.choose();
    this.settle(player.playing ? Infinity : player.at);
  }

  render(_, { copied, packing, saved }) {
    const { run } = session;
    if (!run) return html`<div class="take"><div class="page-head"><h1>${t("view.take")}</h1></div>${(session.errorMessage || (session.jobs && !addressedJobId())) && html`<div class="card empty"><p>${t("take.none")}</p><${Choice} /></div>`}</div>`;
    const files = filesOf(run);
    const section = (name, children) => html`<section class="card"><h2>${t(`take.${name}`)}</h2><ul>${files.filter((file) => file.section === name).map((file) => html`<${Item} file=${file} />`)}${children}</ul></section>`;
    return html`<div class="take">
      <div class="page-head"><h1>${t("view.take")}</h1><p class="quiet">${t("take.lede")}</p></div>
      <div class="card take-head"><${RunHead} run=${run} />
        <div><${Choice} run=${run} /><button type="button" class="primary" disabled=${packing} onClick=${() => this.pack(run)}>${t(packing ? "take.packing" : "take.zip")}</button>
        <p class="caption" role="status">${saved?.run === run && t("take.saved", saved)}</p></div></div>
      <div class="take-grid">
        <${Pictures} run=${run} version=${[run.job.id, run.ended, Math.round(player.at), theme.dark, words.language].join()} />
        ${section("numbers")}
        ${run.job.status === "succeeded" && html`<section class="card"><h2>${t("take.networks")}</h2><ul>${networksOf(run).map((network) => html`<li class="take-network"><b>${t(`take.${network}`)}</b>${FORMATS.map((format) => html`<a class="chip" href=${`models/${run.job.id}/${network}.${format}`} download=${`${network}.${format}`} aria-label=${`${network}.${format}`}>${format}</a>`)}</li>`)}</ul>
          ${FORMATS.map((format) => html`<p class="caption">${t(`take.${format}`)}</p>`)}</section>`}
        ${section("again", html`<li><button type="button" class="take-item" onClick=${() => this.copy()}><b>${t("take.link")}</b><span role="status">${t(copied ? "take.copied" : "take.link.says")}</span></button></li>`)}
      </div></div>`;
  }

  /** Save all files and pictures as one archive. */
  async pack(run) {
    this.setState({ packing: true, saved: null });
    try {
      const [{ plotsOf, drawPlot }, { zip }] = await Promise.all([loadDrawing(), import("../zip.js")]);
      const name = fileName(runName(run.job));
      const entries = [];
      for (const file of filesOf(run)) entries.push([`${name}/${file.name}`, await load(file)]);
      for (const plot of plotsOf(run)) entries.push([`${name}/pictures/${plot}.png`, await toBlob((await drawPlot(plot, run, runName(run.job))).canvas)]);
      for (const plot of servicePlots(run)) entries.push([`${name}/pictures/${plot.name}`, await load(plot)]);
      const archive = await zip(entries);
      save(archive, `${name}.zip`);
      this.setState({ saved: { run, name: `${name}.zip`, size: whole(archive.size / 1000) } });
    } catch (error) {
      showError(error);
    }
    this.setState({ packing: false });
  }

  async copy() {
    const link = new URL(`?view=lab&job=${session.run.job.id}${state.get("at") ? `&at=${state.get("at")}` : ""}`, location.href).href;
    await navigator.clipboard?.writeText(link).catch(() => {});
    this.setState({ copied: true });
  }
}

/** The choice of another run than this, if there is one: the newest that have succeeded. */
function Choice({ run }) {
  const others = (session.jobs ?? []).filter((job) => job.kind === "train" && job.status === "succeeded" && job.id !== run?.job.id);
  return others.length > 0 && html`<label class="inline">${t("take.run")}<select onChange=${(event) => state.push({ job: event.target.value, at: "" })}>
    ${!run && html`<option />`}${[run?.job ?? [], others].flat().map((job) => html`<option value=${job.id} selected=${job === run?.job}>${runName(job)} · ${ago(job.created_at)}</option>`)}</select></label>`;
}

/** The pictures as the page draws them, in its language and theme. */
class Pictures extends Component {
  componentDidMount() {
    this.draw();
  }

  componentDidUpdate(before) {
    if (before.version !== this.props.version) this.draw();
  }

  componentWillUnmount() {
    this.drawing = null;
    this.release(this.state.plots);
  }

  release(plots) {
    for (const { url } of plots ?? []) URL.revokeObjectURL(url);
  }

  async draw() {
    const { run, version } = this.props;
    this.drawing = version;
    try {
      const { plotsOf, drawPlot } = await loadDrawing();
      await document.fonts.load("500 12px Figtree");
      const plots = [];
      for (const name of plotsOf(run)) {
        if (this.drawing !== version) return this.release(plots); // another run, moment, theme or language
        const { canvas, title, words: says } = await drawPlot(name, run, runName(run.job));
        plots.push({ name, title, says, dark: theme.dark, url: URL.createObjectURL(await toBlob(canvas)) });
      }
      if (this.drawing !== version) return this.release(plots);
      this.release(this.state.plots);
      this.setState({ plots, at: player.at });
    } catch (error) {
      showError(error);
    }
  }

  render({ run }, { plots, at }) {
    if (!plots?.length) return null;
    return html`<section class="card pictures"><div class="row"><h2>${t("take.pictures", { at: whole(at) })}</h2>${at < run.end && html`<button type="button" class="chip" onClick=${() => player.seek(run.end)}>${t("take.end")}</button>`}</div>
      <ul>${plots.map(({ name, title, says, dark, url }) => html`<li class="take-plot"><img class=${dark && "dark"} src=${url} alt=${`${title}. ${says}`} /><span class="row"><b>${title}</b>
        <a class="chip" href=${url} download=${`${name}.png`} aria-label=${`${name}.png`}>PNG</a></span></li>`)}
        <li class="take-svg"><p class="caption">${t("take.svg")}</p>${servicePlots(run).map(({ name, path }) => html`<a class="chip" href=${path} download=${name}>${name}</a>`)}</li></ul></section>`;
  }
}

/** A file of the service. A link cannot ask for another media type, so such a file is loaded first. */
function Item({ file }) {
  const { name, path, accept, says } = file;
  const save = async () => {
    try {
      save(await load(file), `${runName(session.run.job)} ${name}`);
    } catch (error) {
      showError(error);
    }
  };
  const content = html`<b>${name}</b><span>${t(says)}</span>`;
  return html`<li>${accept ? html`<button type="button" class="take-item" onClick=${save}>${content}</button>` : html`<a class="take-item" href=${path} download=${name}>${content}</a>`}</li>`;
}
