// Player controls: play, step, speed, and a slider over the run.

import { connection } from "../api.js";
import { onFrame, onTick, player, SPEEDS } from "../player.js";
import { session } from "../session.js";
import { slowMotion } from "../slowmotion.js";
import { state } from "../state.js";
import { Component, createRef, html } from "../ui.js";
import { t, whole } from "../words.js";
import { isPresenting, present } from "./present.js";

export class PlayerBar extends Component {
  track = createRef();

  componentDidMount() {
    this.slider = this.track.current;
    this.stops = [onFrame(() => this.follow()), onTick(() => this.setState({}))];
    player.speed = state.number("speed", 1);
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
  }

  /** Move the slider to the current moment. */
  follow() {
    const { run, at } = player;
    if (!run) return;
    if (+this.slider.max !== run.end) this.slider.max = run.end;
    if (+this.slider.value !== at) this.slider.value = at;
    this.slider.style.setProperty("--share", `${run.end ? (100 * at) / run.end : 0}%`);
  }

  keys(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (!steps) return;
    event.preventDefault();
    player.step(event.shiftKey ? steps * 10 : steps);
  }

  render() {
    const { run, playing, speed, live } = player;
    const at = player.at + slowMotion.begun;
    const end = run?.end ?? 0;
    const status = session.run?.job.status;
    const fresh = status === "running" && connection.up; // whether new iterations arrive
    return html`<div class="player" role="region" aria-label=${t("player")}>
      <div class="buttons">
        <button type="button" class="icon-button" aria-label=${t("player.start")} title=${t("player.start")} aria-disabled=${!at} onClick=${() => player.seek(0)}><${Icon} d="M5 4v12M15.5 4v12L7.5 10z" /></button>
        <button type="button" class="icon-button" aria-label=${t("player.back")} title=${t("player.back")} aria-disabled=${!at} onClick=${() => player.step(-1)}><${Icon} d="M12.5 4v12L5.5 10z" /></button>
        <button type="button" class="icon-button play" aria-label=${t(playing ? "player.pause" : "player.play")} title=${t(playing ? "player.pause" : "player.play")} onClick=${() => player.toggle()}>
          ${playing ? html`<${Icon} d="M6.5 4.5v11M13.5 4.5v11" />` : html`<${Icon} d="M6.5 3.5v13l10-6.5z" />`}</button>
        <button type="button" class="icon-button" aria-label=${t("player.on")} title=${t("player.on")} aria-disabled=${at >= end} onClick=${() => player.step(1)}><${Icon} d="M7.5 4v12l7-6z" /></button>
      </div>
      <p class="at"><b>${whole(at)}</b><span> ${t("player.of", { end: whole(end) })}</span></p>
      <input ref=${this.track} type="range" class="time" min="0" max=${end} step="any" aria-label=${t("player.slider")} aria-valuetext=${t("player.value", { at: whole(at), end: whole(end) })}
        onInput=${(event) => { player.playing = false; player.seek(+event.target.value); }} onKeyDown=${(event) => this.keys(event)} />
      ${!session.run?.ended && html`<button type="button" class="chip live" aria-pressed=${live && fresh} onClick=${() => player.seek(end)}>${fresh && html`<span class="pulse" />`}<span class=${fresh && "live-word"}>${t(!connection.up ? "player.offline" : fresh ? "player.live" : `status.${status}`)}</span></button>`}
      <label class="speed"><span class="unseen">${t("player.speed")}</span>
        <select value=${speed} onChange=${(event) => { player.speed = +event.target.value; state.replace({ speed: player.speed === 1 ? "" : player.speed }); }}>
          ${SPEEDS.map((value) => html`<option value=${value} selected=${value === speed}>${value}×</option>`)}
        </select></label>
      <button type="button" class="icon-button wide-only" aria-label=${t("present")} title=${t("present")} aria-pressed=${isPresenting()} onClick=${present}><${Icon} d=${isPresenting() ? "M8 3v5H3M12 3v5h5M8 17v-5H3M12 17v-5h5" : "M3 8V3h5M17 8V3h-5M3 12v5h5M17 12v5h-5"} /></button>
    </div>`;
  }
}

const Icon = ({ d }) => html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" class="solid-icon"><path d=${d} /></svg>`;
