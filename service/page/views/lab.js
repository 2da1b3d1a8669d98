// Lab view: settings on the left, charts in the middle, the try panel on the right.

import { player } from "../player.js";
import { session } from "../session.js";
import { state } from "../state.js";
import { html, lazy } from "../ui.js";
import { t } from "../words.js";
import { RunHead } from "./runhead.js";
import { Train } from "./train.js";
import { Try } from "./try.js";
import { Watch } from "./watch.js";

const loadCheck = () => import("./check.js");
const Check = lazy(loadCheck);

export function Lab() {
  const { run } = session;
  return html`<h1 class="unseen">${t("view.lab")}</h1>
    <div class="lab">
      ${!state.isHidden("train") && html`<${Train} />`}
      <div class="middle">
        ${!state.isHidden("train") && html`<p class="narrow"><button type="submit" form="train" class="primary" disabled=${session.busy}>${t(session.busy ? "train.busy" : "train.go")}</button><a class="plain" href="#train">${t("lab.settings")}</a></p>`}
        ${run ? html`<${RunHead} run=${run} action=${html`<${CheckButton} run=${run} />`} />${state.get("check") && html`<${Check} run=${run} />`}` : html`<p class="hint-line">${t("lab.none")}</p>`}
        ${!state.isHidden("watch") && html`<${Watch} run=${player.run} />`}
      </div>
      ${!state.isHidden("sample") && html`<${Try} run=${player.run} />`}
    </div>`;
}

/** The button that checks a finished run against the other backend. */
function CheckButton({ run }) {
  if (run.job.status !== "succeeded" || state.get("check")) return null;
  const words = run.config.backend === "pytorch" ? "check.go.compiled" : "check.go.pytorch";
  return html`<button type="button" class="secondary small" onClick=${async () => (await loadCheck()).startCheck(run)}>${t(words)}</button>`;
}
