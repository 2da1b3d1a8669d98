// Starts the page: words and colours first, then what the address asks for, and from then on the address leads.

import { frames, player, repaint } from "./player.js";
import { loadPresets, openWanted, refreshJobs, session, wantedJob } from "./session.js";
import { state } from "./state.js";
import { applyTheme } from "./theme.js";
import { html, render } from "./ui.js";
import { App } from "./views/app.js";
import { loadWords } from "./words.js";

await loadWords();
applyTheme();
render(html`<${App} />`, document.querySelector("#page"));
loadPresets();
refreshJobs();
openWanted();

document.fonts.addEventListener("loadingdone", repaint); // what was drawn before in other letters

let shown = "";
state.listen(async (fromHistory) => {
  await loadWords();
  applyTheme();
  if (fromHistory && session.run?.job.id === wantedJob() && state.get("at") !== shown) player.seek(state.number("at", session.run.end));
  shown = state.get("at");
  openWanted();
});

/** For who measures: the times of the last frames, and what is shown. */
window.lab = { frames, player, session };
