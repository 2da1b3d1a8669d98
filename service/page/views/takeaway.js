// Downloads of a run: its pictures as the page draws them, numbers, networks and programs, and all of them as one archive.

import { sendRequest } from "../api.js";
import { player } from "../player.js";
import { showError, session, addressedJobId } from "../session.js";
import { state } from "../state.js";
import { theme } from "../theme.js";
import { Component, html } from "../ui.js";
import { t, words } from "../words.js";
import { RunHead, runName } from "./runhead.js";

const SERVICE_PLOTS = ["losses", "evolution", "surface"]; // as SVG

/** The files of a run that the service has: section, name, path, and the media type to ask for if it is not the first. */
function filesOf({ job, hasGenerator }) {
  const networks = (hasGenerator ? ["generator", "discriminator"] : ["discriminator"]).flatMap((network) => [`${network}.safetensors`, `${network}.onnx`]);
  return [
    { section: "numbers", name: "losses.csv", path: `jobs/${job.id}/progress`, accept: "text/csv", says: "take.csv" },
    { section: "numbers", name: "snapshots.json", path: `jobs/${job.id}/snapshots?weights=true`, says: "take.snapshots" },
    { section: "numbers", name: "run.json", path: `jobs/${job.id}`, says: "take.job" },
    ...(job.status === "succeeded" ? networks : []).map((name) => ({ section: "networks", name, path: `models/${job.id}/${name}`, says: "take.model" })),
    { section: "again", name: "train_gan.py", path: `jobs/${job.id}/script.py`, says: "take.script" },
    { section: "again", name: "train_gan_same_draws.py", path: `jobs/${job.id}/script.py?draws=same`, says: "take.script.same" },
  ];
}

const servicePlots = ({ job, hasGenerator }) => SERVICE_PLOTS.filter((name) => hasGenerator || name !== "evolution").map((name) => ({ name: `${name}.svg`, path: `jobs/${job.id}/plots/${name}.svg` }));
const load = async ({ path, accept }) => (await sendRequest(path, accept ? { headers: { Accept: accept } } : {})).blob();
const loadDrawing = () => import("../charts/plots.js");
const loadFiles = () => import("../files.js");

export class TakeAway extends Component {
  componentDidMount() {
    this.choose();
  }

  /** If the address names no run, choose the newest that has succeeded. */
  choose() {
    const newest = session.jobs?.find((job) => job.kind === "train" && job.status === "succeeded");
    if (newest && !state.get("job")) state.replace({ job: newest.id });
  }

  componentDidUpdate() {
    this.choose();
  }

  render(_, { copied, packing }) {
    const { run } = session;
    if (!run) return html`<div class="take"><div class="page-head"><h1>${t("view.take")}</h1></div>${(session.errorMessage || (session.jobs && !addressedJobId())) && html`<p class="card empty">${t("take.none")}</p>`}</div>`;
    const files = filesOf(run);
    const section = (name, children) => html`<section class="card"><h2>${t(`take.${name}`)}</h2><ul>${files.filter((file) => file.section === name).map((file) => html`<${Item} file=${file} />`)}${children}</ul></section>`;
    return html`<div class="take">
      <div class="page-head"><h1>${t("view.take")}</h1><p class="quiet">${t("take.lede")}</p></div>
      <div class="card take-head"><${RunHead} run=${run} />
        <button type="button" class="primary" disabled=${packing} onClick=${() => this.pack(run)}>${t(packing ? "take.packing" : "take.zip")}</button></div>
      <div class="take-grid">
        <${Pictures} run=${run} version=${[run.job.id, run.version, Math.round(player.at), theme.dark, words.language].join()} />
        ${section("numbers")}
        ${files.some((file) => file.section === "networks") && section("networks")}
        ${section("again", html`<li><button type="button" class="take-item" onClick=${() => this.copy()}><b>${t("take.link")}</b><span role="status">${t(copied ? "take.copied" : "take.link.says")}</span></button></li>`)}
      </div></div>`;
  }

  /** Save all files and pictures as one archive. */
  async pack(run) {
    this.setState({ packing: true });
    try {
      const [{ plotsOf, drawPlot }, { fileName, save, toBlob, zip }] = await Promise.all([loadDrawing(), loadFiles()]);
      const name = fileName(runName(run.job));
      const entries = [];
      for (const file of filesOf(run)) entries.push([`${name}/${file.name}`, await load(file)]);
      for (const plot of plotsOf(run)) entries.push([`${name}/pictures/${plot}.png`, await toBlob((await drawPlot(plot, run, runName(run.job))).canvas)]);
      for (const plot of servicePlots(run)) entries.push([`${name}/pictures/${plot.name}`, await load(plot)]);
      save(await zip(entries), `${name}.zip`);
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
      const [{ plotsOf, drawPlot }, { toBlob }] = await Promise.all([loadDrawing(), loadFiles()]);
      await document.fonts.load("500 12px Figtree");
      const plots = [];
      for (const name of plotsOf(run)) {
        if (this.drawing !== version) return this.release(plots); // another run, moment, theme or language
        const { canvas, words: says } = await drawPlot(name, run, runName(run.job));
        plots.push({ name, says, url: URL.createObjectURL(await toBlob(canvas)) });
      }
      if (this.drawing !== version) return this.release(plots);
      this.release(this.state.plots);
      this.setState({ plots });
    } catch (error) {
      showError(error);
    }
  }

  render({ run }, { plots }) {
    if (!plots?.length) return null;
    return html`<section class="card pictures"><h2>${t("take.pictures")}</h2>
      <ul>${plots.map(({ name, says, url }) => html`<li class="take-plot"><img src=${url} alt=${`${t(`take.${name}`)}. ${says}`} /><span class="row"><b>${t(`take.${name}`)}</b>
        <a class="chip" href=${url} download=${`${name}.png`} aria-label=${`${name}.png`}>PNG</a></span></li>`)}</ul>
      <p class="caption">${t("take.svg")} ${servicePlots(run).map(({ name, path }) => html`<a class="chip" href=${path} download=${name}>${name}</a> `)}</p></section>`;
  }
}

/** A file of the service. A link cannot ask for another media type, so such a file is loaded first. */
function Item({ file }) {
  const { name, path, accept, says } = file;
  const save = async () => {
    try {
      (await loadFiles()).save(await load(file), `${runName(session.run.job)} ${name}`);
    } catch (error) {
      showError(error);
    }
  };
  const content = html`<b>${name}</b><span>${t(says)}</span>`;
  return html`<li>${accept ? html`<button type="button" class="take-item" onClick=${save}>${content}</button>` : html`<a class="take-item" href=${path} download=${name}>${content}</a>`}</li>`;
}
