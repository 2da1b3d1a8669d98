// Entry point: load the words and the theme, render the page, and follow the address.

import { frames, player, repaint } from "./player.js";
import { isStill, loadPresets, openAddressedRun, refreshJobs, session, addressedJobId } from "./session.js";
import { state } from "./state.js";
import { applyTheme, followTheme } from "./theme.js";
import { html, render } from "./ui.js";
import { App } from "./views/app.js";
import { loadWords } from "./words.js";

const home = new URL(".", document.baseURI).pathname; // behind a proxy, the page may have been opened without the slash at the end
if (location.pathname !== home) history.replaceState(null, "", home + location.search + location.hash);

await loadWords();
applyTheme();
render(html`<${App} />`, document.querySelector("#page"));
loadPresets();
refreshJobs();
openAddressedRun();

document.fonts.addEventListener("loadingdone", repaint); // canvases drawn before used a fallback font

let shown = "";
state.listen(async (fromHistory) => {
  await loadWords();
  followTheme();
  repaint();
  if (fromHistory && session.run?.job.id === addressedJobId() && state.get("at") !== shown) player.seek(isStill() ? 0 : state.number("at", session.run.end));
  shown = state.get("at");
  openAddressedRun();
});

/** For tests and benchmarks. */
window.lab = { frames, player, session };
