// Dialog for the name, the note and the tags of a run, or for tags that several runs get.

import { api } from "../api.js";
import { Component, createRef, html } from "../ui.js";
import { t, whole } from "../words.js";

const words = (text) => [...new Set(text.split(/[\s,#]+/).filter(Boolean))];

/** Props: the `jobs`, and `close()`. */
export default class Edit extends Component {
  dialog = createRef();

  componentDidMount() {
    this.dialog.current.showModal();
  }

  componentWillUnmount() {
    this.isClosed = true;
  }

  async save(event) {
    event.preventDefault();
    const { jobs } = this.props;
    const { name, note, tags } = Object.fromEntries(new FormData(event.target));
    try {
      for (const [k, job] of jobs.entries()) {
        await api.edit(job.id, jobs.length > 1 ? { tags: [...job.tags, ...words(tags)] } : { name: name.trim() || null, note: note.trim() || null, tags: words(tags) });
        if (this.isClosed) return;
        this.setState({ saved: k + 1, error: "" });
      }
      this.dialog.current.close();
    } catch (error) {
      this.setState({ saved: 0, error: error.message });
    }
  }

  render({ jobs, close }, { saved, error }) {
    const [job] = jobs;
    const isOne = jobs.length === 1;
    return html`<dialog ref=${this.dialog} class="keys edit" aria-labelledby="edit-title" onClose=${close}><form onSubmit=${(event) => this.save(event)}>
      <h2 id="edit-title">${isOne ? t("edit.title") : t("edit.several", { count: whole(jobs.length) })}</h2>
      ${isOne && html`<label class="field"><span>${t("field.name")}</span><input name="name" maxlength="100" defaultValue=${job.name} autofocus /></label>
        <label class="field"><span>${t("edit.note")}</span><textarea name="note" rows="3" maxlength="2000" defaultValue=${job.note} /></label>`}
      <label class="field"><span>${t(isOne ? "edit.tags" : "edit.add")}</span><input name="tags" maxlength="1000" defaultValue=${isOne ? job.tags.join(" ") : ""} placeholder=${t("edit.tags.hint")} autocapitalize="off" /></label>
      ${error && html`<p class="mistake" role="alert">${error}</p>`}
      <div class="row"><button class="primary" disabled=${saved > 0}>${saved ? `${whole(saved)} / ${whole(jobs.length)}` : t("edit.save")}</button><button type="button" class="secondary" onClick=${() => this.dialog.current.close()}>${t("act.cancel")}</button></div>
    </form></dialog>`;
  }
}
