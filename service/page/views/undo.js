// Message after a deletion, with the button that undoes it.

import { trash } from "../trash.js";
import { Component, createRef, html } from "../ui.js";
import { t, whole } from "../words.js";
import { runName } from "./runhead.js";

export class Undo extends Component {
  button = createRef();

  componentDidMount() {
    trash.listen(() => this.setState({}));
  }

  componentDidUpdate() {
    const [job] = trash.jobs;
    if (job && job !== this.job) this.button.current.focus({ preventScroll: true }); // what had it is gone
    if (!job && this.job && document.activeElement === document.body) document.querySelector("#main").focus({ preventScroll: true });
    this.job = job;
  }

  render() {
    const { jobs } = trash;
    return html`<div class="undo" role="status">${jobs.length > 0 && html`<p>${jobs.length === 1 ? t("undo.one", { name: runName(jobs[0]) }) : t("undo.several", { count: whole(jobs.length) })}</p>
      <button type="button" ref=${this.button} class="plain" onClick=${() => trash.restore()}>${t("undo")}</button><i class="undo-time" key=${jobs[0].id} />`}</div>`;
  }
}
