// Application frame: header, banners, the view that the address names, and the player.

import { connection } from "../api.js";
import { player } from "../player.js";
import { isStill, session, notify } from "../session.js";
import { state } from "../state.js";
import { chooseTheme, theme } from "../theme.js";
import { classes, Component, html, lazy } from "../ui.js";
import { chooseLanguage, t, words } from "../words.js";
import { Compare } from "./compare.js";
import { Guided } from "./guided.js";
import { Keys, listenToKeys, openKeys } from "./keys.js";
import { Lab } from "./lab.js";
import { PlayerBar } from "./playerbar.js";
import { TakeAway } from "./takeaway.js";
import { Undo } from "./undo.js";

const VIEWS = { guided: Guided, lab: Lab, runs: Compare, sweep: lazy(() => import("./sweep.js")), take: TakeAway };
const Arrange = lazy(() => import("./arrange.js"));
const WITH_PLAYER = ["guided", "lab"];

export const currentView = () => (state.get("view") in VIEWS ? state.get("view") : "guided");

export class App extends Component {
  componentDidMount() {
    const again = () => this.setState({});
    state.listen(() => requestAnimationFrame(again));
    session.listen(again);
    connection.listen(again);
    theme.listen(again);
    listenToKeys();
    player.onStop = () => {
      const run = player.run;
      if (run?.job.id) state.replace({ at: player.live || (run.ended && player.at >= run.end) ? "" : Math.round(player.at) });
      again();
    };
  }

  componentDidUpdate() {
    document.title = `${t(`view.${currentView()}`)} · gan1010`;
  }

  render(_, { arranging }) {
    const view = currentView();
    return html`
      <a class="skip" href="#main">${t("skip")}</a>
      <${Head} view=${view} arrange=${() => this.setState({ arranging: true })} />
      ${!connection.up && html`<p class="banner" role="alert"><span class="pulse" />${t("gone")}</p>`}
      ${session.errorMessage && html`<p class="banner trouble" role="alert">${session.errorMessage}
        <button type="button" class="plain" onClick=${() => { session.errorMessage = ""; this.setState({}); }}>${t("close")}</button></p>`}
      <main id="main" tabindex="-1" class=${`view-${view}`}><${VIEWS[view]} /></main>
      ${WITH_PLAYER.includes(view) && session.run && !isStill() && !state.isHidden("player") && html`<${PlayerBar} />`}
      <${Undo} />
      <${Announcer} />
      ${arranging && html`<${Arrange} views=${Object.keys(VIEWS)} close=${() => this.setState({ arranging: false })} />`}
      <${Keys} />`;
  }
}

function Head({ view, arrange }) {
  const go = (name, where) => (event) => {
    event.preventDefault();
    state.push({ view: name === "guided" ? "" : name, ...where });
    scrollTo(0, 0);
  };
  const tabs = Object.keys(VIEWS).filter((name) => !state.isHidden(name));
  return html`<header class="head">
    <a class="brand" href="?" onClick=${go("guided", { step: "", path: "", walk: "", at: "" })}><${Logo} /><span>gan1010</span></a>
    <nav aria-label=${t("nav")}>${tabs.map((name) => html`<a href=${`?view=${name}`} class=${classes("tab", name === view && "here")}
      aria-current=${name === view ? "page" : undefined} onClick=${go(name)}>${t(`view.${name}`)}</a>`)}</nav>
    <div class="switches">
      ${Object.entries(words.languages).filter(([code]) => code !== words.language).map(([code, name]) => html`<button type="button" class="plain"
        lang=${code === "zh" ? "zh-Hans" : code} onClick=${() => chooseLanguage(code).then(notify)}>${name}</button>`)}
      <button type="button" class="plain icon" aria-label=${t(theme.dark ? "theme.light" : "theme.dark")} title=${t(theme.dark ? "theme.light" : "theme.dark")}
        onClick=${() => chooseTheme(theme.dark ? "light" : "dark")}>${theme.dark ? html`<${Sun} />` : html`<${Moon} />`}</button>
      ${view === "lab" && html`<button type="button" class="plain icon wide-only" aria-label=${t("arrange")} title=${t("arrange")} onClick=${arrange}><${Panels} /></button>`}
      <button type="button" class="plain icon wide-only" aria-label=${t("keys")} title=${t("keys")} onClick=${openKeys}>?</button>
      <a class="plain wide-only" href="docs">API</a>
    </div>
  </header>`;
}

/** Announcement for screen readers, made only when the player stops. */
class Announcer extends Component {
  componentDidMount() {
    this.timer = setInterval(() => {
      const { run, moment, at, playing } = player;
      if (playing || !run?.hasWeights || !run.job.id || at === this.at) return;
      this.at = at;
      const sample = run.hasGenerator ? [...moment.sample].map((value) => value.toFixed(2)).join(" ") : "";
      this.setState({ words: t("announce", { at: Math.round(at), sample }) });
    }, 1000);
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  render(_, { words: announcement }) {
    return html`<p class="unseen" aria-live="polite">${announcement}</p>`;
  }
}

const Logo = () => html`<svg viewBox="0 0 16 16" width="28" height="28" aria-hidden="true"><rect width="16" height="16" rx="3.5" class="logo-ground" />
  <path class="logo-bits" d="M2 3h2.25v10H2zM5.25 10.75H7.5V13H5.25zM8.5 3h2.25v10H8.5zM11.75 10.75H14V13h-2.25z" /></svg>`;
const Panels = () => html`<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" class="line-icon"><path d="M2.5 3.5h15v13h-15zM7.5 3.5v13M7.5 10h10" /></svg>`;
const Sun = () => html`<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" class="line-icon"><circle cx="10" cy="10" r="3.6" /><path d="M10 1.5v2.2M10 16.3v2.2M1.5 10h2.2M16.3 10h2.2M4 4l1.5 1.5M14.5 14.5 16 16M16 4l-1.5 1.5M5.5 14.5 4 16" /></svg>`;
const Moon = () => html`<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" class="line-icon"><path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z" /></svg>`;
