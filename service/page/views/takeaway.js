// Downloads of a run: losses, plots and networks as files, and the training as a script.

import { sendRequest } from "../api.js";
import { showError, session, addressedJobId } from "../session.js";
import { state } from "../state.js";
import { Component, html } from "../ui.js";
import { t } from "../words.js";
import { RunHead, runName } from "./runhead.js";

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

  render(_, { copied }) {
    const { run } = session;
    if (!run) return html`<div class="take"><div class="page-head"><h1>${t("view.take")}</h1></div>${(session.errorMessage || (session.jobs && !addressedJobId())) && html`<p class="card empty">${t("take.none")}</p>`}</div>`;
    const { id, status } = run.job;
    const finished = status === "succeeded";
    const file = (name) => (run.hasGenerator || !name.startsWith("generator")) && html`<${Item} href=${`models/${id}/${name}`} save=${name} name=${name} description="take.model" />`;
    return html`<div class="take">
      <div class="page-head"><h1>${t("view.take")}</h1><p class="quiet">${t("take.lede")}</p></div>
      <div class="card"><${RunHead} run=${run} /></div>
      <div class="take-grid">
        <section class="card"><h2>${t("take.numbers")}</h2><ul>
          <li><button type="button" class="take-item" onClick=${() => saveCsv(id, runName(run.job))}><b>losses.csv</b><span>${t("take.csv")}</span></button></li>
          <${Item} href=${`jobs/${id}/snapshots?weights=true`} save="snapshots.json" name="snapshots.json" description="take.snapshots" /></ul></section>
        ${finished && html`<section class="card pictures"><h2>${t("take.pictures")}</h2><ul>${["losses", ...(run.hasGenerator ? ["evolution"] : []), "surface"].map((plot) => html`<li class="take-plot">
          <img src=${`jobs/${id}/plots/${plot}.svg`} alt=${t(`take.${plot}`)} loading="lazy" /><span class="row"><b>${t(`take.${plot}`)}</b>
          ${["png", "svg"].map((format) => html`<a class="chip" href=${`jobs/${id}/plots/${plot}.${format}`} download=${`${plot}.${format}`} aria-label=${`${plot}.${format}`}>${format.toUpperCase()}</a>`)}</span></li>`)}</ul></section>`}
        ${finished && html`<section class="card"><h2>${t("take.networks")}</h2><ul>${file("generator.safetensors")}${file("discriminator.safetensors")}${file("generator.onnx")}${file("discriminator.onnx")}</ul></section>`}
        <section class="card"><h2>${t("take.again")}</h2><ul>
          <${Item} href=${`jobs/${id}/script.py`} save="train_gan.py" name="train_gan.py" description="take.script" />
          <${Item} href=${`jobs/${id}/script.py?draws=same`} save="train_gan_same_draws.py" name="train_gan_same_draws.py" description="take.script.same" />
          <li><button type="button" class="take-item" onClick=${() => this.copy()}><b>${t("take.link")}</b><span role="status">${t(copied ? "take.copied" : "take.link.says")}</span></button></li></ul></section>
      </div></div>`;
  }

  async copy() {
    const link = new URL(`?view=lab&job=${session.run.job.id}${state.get("at") ? `&at=${state.get("at")}` : ""}`, location.href).href;
    await navigator.clipboard?.writeText(link).catch(() => {});
    this.setState({ copied: true });
  }
}

const Item = ({ href, save, name, description }) => html`<li><a class="take-item" href=${href} download=${save}><b>${name}</b><span>${t(description)}</span></a></li>`;

/** Download the losses as CSV. A link cannot do this because the format depends on the Accept header. */
async function saveCsv(id, name) {
  try {
    const response = await sendRequest(`jobs/${id}/progress`, { headers: { Accept: "text/csv" } });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `${name} losses.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    showError(error);
  }
}
