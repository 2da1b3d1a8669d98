// Dialog that chooses which parts of the page are shown, with a link to the page like this.

import { player } from "../player.js";
import { state } from "../state.js";
import { Component, createRef, html } from "../ui.js";
import { t } from "../words.js";
import { CHARTS, isShown, PANELS } from "./layout.js";

export default class Arrange extends Component {
  dialog = createRef();

  componentDidMount() {
    this.dialog.current.showModal();
    this.stop = state.listen(() => this.setState({ copied: false }));
  }

  componentWillUnmount() {
    this.stop();
  }

  /** Show or hide a part. A link that hides all charts names each of them as soon as one is shown again. */
  toggle(name, on) {
    const hidden = new Set(state.list("hide"));
    if (hidden.delete("watch")) CHARTS.forEach((chart) => hidden.add(chart));
    hidden[on ? "delete" : "add"](name);
    state.replace({ hide: [...hidden].join() });
  }

  async copy() {
    const { link } = this.dialog.current.querySelector("form");
    link.select();
    await navigator.clipboard?.writeText(link.value).then(() => this.setState({ copied: true }), () => {});
  }

  render({ views, close }, { copied }) {
    const box = (name) => html`<label><input type="checkbox" checked=${isShown(name)} onChange=${(event) => this.toggle(name, event.target.checked)} />${t(views.includes(name) ? `view.${name}` : CHARTS.includes(name) ? `${name}.title` : `part.${name}`, { count: player.run?.width })}</label>`;
    return html`<dialog ref=${this.dialog} class="keys arrange" aria-labelledby="arrange-title" onClose=${close}>
      <h2 id="arrange-title">${t("arrange")}</h2>
      <form method="dialog">
        <fieldset class="options"><legend>${t("view.lab")}</legend>${PANELS.map(box)}</fieldset>
        <fieldset class="options"><legend>${t("nav")}</legend>${views.map(box)}</fieldset>
        <label class="link-to">${t("arrange.link")}<input name="link" readonly value=${location.href} /></label>
        <div class="row"><button type="button" class="primary" onClick=${() => this.copy()}>${t(copied ? "take.copied" : "arrange.copy")}</button><button class="secondary">${t("close")}</button></div>
      </form>
    </dialog>`;
  }
}
