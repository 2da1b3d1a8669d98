// Everything at once, for who knows what a GAN is: settings on the left, the run in the middle, trying it out on the right.

import { player } from "../player.js";
import { session } from "../session.js";
import { state } from "../state.js";
import { html } from "../ui.js";
import { t } from "../words.js";
import { RunHead } from "./runhead.js";
import { Train } from "./train.js";
import { Try } from "./try.js";
import { Watch } from "./watch.js";

export function Lab() {
  const { run } = session;
  return html`<h1 class="unseen">${t("view.lab")}</h1>
    <div class="lab">
      ${!state.hidden("train") && html`<${Train} />`}
      <div class="middle">
        ${!state.hidden("train") && html`<p class="narrow"><button type="submit" form="train" class="primary" disabled=${session.busy}>${t(session.busy ? "train.busy" : "train.go")}</button><a class="plain" href="#train">${t("lab.settings")}</a></p>`}
        ${run ? html`<${RunHead} run=${run} />` : html`<p class="hint-line">${t("lab.none")}</p>`}
        ${!state.hidden("watch") && html`<${Watch} run=${player.run} />`}
      </div>
      ${!state.hidden("sample") && html`<${Try} run=${player.run} />`}
    </div>`;
}
