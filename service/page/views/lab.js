// Lab view: settings on the left, charts beside them, and the try panel below or on the right.

import { player } from "../player.js";
import { session } from "../session.js";
import { state } from "../state.js";
import { classes, html, lazy } from "../ui.js";
import { t } from "../words.js";
import { isShown, layoutOf } from "./layout.js";
import { RunHead } from "./runhead.js";
import { Train } from "./train.js";
import { Try } from "./try.js";
import { chartsOf, Watch, WatchNote } from "./watch.js";

const loadCheck = () => import("./check.js");
const Check = lazy(loadCheck);

export function Lab() {
  const { run } = session;
  const charts = player.run ? chartsOf(player.run) : [];
  const panels = [...charts, ...["train", "sample"].filter(isShown)];
  return html`<h1 class="unseen">${t("view.lab")}</h1>
    <div class=${classes("lab", player.run?.varies && "varied")} style=${layoutOf(panels, player.run?.varies)}>
      ${isShown("train") && html`<${Train} />`}
      <div class="middle">
        ${isShown("train") && html`<p class="narrow"><button type="submit" form="train" class="primary" disabled=${session.busy}>${t(session.busy ? "train.busy" : "train.go")}</button><a class="plain" href="#train">${t("lab.settings")}</a></p>`}
        ${run ? html`<${RunHead} run=${run} action=${html`<${CheckButton} run=${run} />`} below=${isShown("sample") && html`<a class="plain to-try" href="#try">${t("try.below")} ↓</a>`} />${state.get("check") && html`<${Check} run=${run} />`}` : html`<p class="hint-line">${t("lab.none")}</p>`}
        ${player.run && html`<${WatchNote} run=${player.run} />`}
      </div>
      <${Watch} run=${player.run} charts=${charts} />
      ${isShown("sample") && html`<${Try} run=${player.run} />`}
    </div>`;
}

/** The button that checks a finished run against the other backend. */
function CheckButton({ run }) {
  if (run.job.status !== "succeeded" || state.get("check")) return null;
  const words = run.config.backend === "pytorch" ? "check.go.compiled" : "check.go.pytorch";
  return html`<button type="button" class="secondary small" onClick=${async () => (await loadCheck()).startCheck(run)}>${t(words)}</button>`;
}
