// Dialog for the name, the note and the tags of a run, or for tags that several runs get.

import { Component, createRef, html } from "../ui.js";
import { t, whole } from "../words.js";

const words = (text) => [...new Set(text.split(/[\s,#]+/).filter(Boolean))];

export class Edit extends Component {
  dialog = createRef();

  componentDidMount() {
    this.props.ready(this);
  }

  /** Open the dialog; `save` gets a function that returns the changes of a job. */
  open(jobs, save) {
    this.setState({ jobs, save, error: "" }, () => {
      this.dialog.current.querySelector("form").reset();
      this.dialog.current.showModal();
    });
  }

  async submit(event) {
    event.preventDefault();
    const { jobs, save } = this.state;
    const { name, note, tags } = Object.fromEntries(new FormData(event.target));
    const change = (job) => (jobs.length > 1 ? { tags: [...job.tags, ...words(tags)] } : { name: name.trim() || null, note: note.trim() || null, tags: words(tags) });
    try {
      await save(change);
      this.dialog.current.close();
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  render(_, { jobs = [], error }) {
    const [job] = jobs;
    const isOne = jobs.length === 1;
    return html`<dialog ref=${this.dialog} class="keys edit" aria-labelledby="edit-title"><form onSubmit=${(event) => this.submit(event)}>
      <h2 id="edit-title">${isOne ? t("edit.title") : t("edit.several", { count: whole(jobs.length) })}</h2>
      ${isOne && html`<label class="field"><span>${t("field.name")}</span><input name="name" maxlength="100" defaultValue=${job.name ?? ""} autofocus /></label>
        <label class="field"><span>${t("edit.note")}</span><textarea name="note" rows="3" maxlength="2000" defaultValue=${job.note ?? ""} /></label>`}
      <label class="field"><span>${t(isOne ? "edit.tags" : "edit.add")}</span><input name="tags" maxlength="1000" defaultValue=${isOne ? job.tags.join(" ") : ""} placeholder=${t("edit.tags.hint")} autocapitalize="off" /></label>
      ${error && html`<p class="mistake" role="alert">${error}</p>`}
      <div class="row"><button class="primary">${t("edit.save")}</button><button type="button" class="secondary" onClick=${() => this.dialog.current.close()}>${t("edit.cancel")}</button></div>
    </form></dialog>`;
  }
}
