// Keyboard shortcuts, and the dialog that lists them.

import { player } from "../player.js";
import { isStill } from "../session.js";
import { createRef, html } from "../ui.js";
import { t } from "../words.js";
import { present } from "./present.js";

const dialog = createRef();
const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: (event) => player.step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => player.step(event.shiftKey ? 10 : 1),
  Home: () => player.run && player.seek(0),
  End: () => player.run && player.seek(player.run.end),
  f: () => present(),
  "?": () => openKeys(),
};
const LIST = { space: "␣", step: "← →", leap: "⇧ ← →", ends: "Home End", present: "F", help: "?" };

export const openKeys = () => dialog.current?.showModal();

export function listenToKeys() {
  addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("dialog, input:not([type=checkbox]), select, textarea, .scroll")) return;
    if (event.key === " " && target.closest?.("button, a, summary, input")) return; // the space bar activates the focused control
    const action = KEYS[event.key];
    if (!action || (event.key !== "?" && !(player.run?.end && !isStill() && document.querySelector("main.view-guided, main.view-lab")))) return;
    event.preventDefault();
    action(event);
  });
}

export const Keys = () => html`<dialog ref=${dialog} class="keys" aria-labelledby="keys-title">
  <h2 id="keys-title">${t("keys")}</h2>
  <dl>${Object.entries(LIST).map(([name, key]) => html`<div><dt>${key.split(" ").map((part) => html`<kbd>${part === "␣" ? t("keys.spacebar") : part}</kbd>`)}</dt><dd>${t(`keys.${name}`)}</dd></div>`)}</dl>
  <form method="dialog"><button class="secondary">${t("close")}</button></form>
</dialog>`;
