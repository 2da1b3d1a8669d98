// What G makes at the current moment: the share of its samples that belongs to each pattern, as bars.

import { nothing } from "../charts/response.js";
import { onFrame, onTick, player } from "../player.js";
import { Component, html } from "../ui.js";
import { t, whole, wholePercent } from "../words.js";
import { Bits } from "./parts.js";

/** The shares at the current moment; at the end, those that the service has measured. */
function sharesNow(run) {
  const { moment, at } = player;
  return (run.ended && at >= run.end && run.job.result?.shares) || moment.cloud.shares;
}

export class Made extends Component {
  componentDidMount() {
    const update = () => this.setState({});
    // The charts beside the bars are painted on each frame, so the bars follow at once, too.
    const follow = () => player.moment.cloud && this.drawn !== String(sharesNow(this.props.run)) && update();
    this.stops = [onTick(update), onFrame(follow)];
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
  }

  render({ run }) {
    const { moment, at } = player;
    if (moment.run !== run || !moment.cloud) return null;
    const shares = sharesNow(run);
    this.drawn = String(shares);
    const rest = Math.max(1 - shares.reduce((sum, share) => sum + share, 0), 0);
    const row = (label, share, kind) => html`<div class=${kind}><dt>${label}</dt><dd><span class="made-bar"><i style=${{ inlineSize: `${share * 100}%` }} /></span><b>${wholePercent(share)}</b></dd></div>`;
    return html`<section class="made" aria-label=${t("made.title")}><h3>${t(run.ended && at >= run.end ? "made.end" : "made.at", { at: whole(at) })}</h3>
      <dl>${run.patterns.map((pattern, k) => row(html`<${Bits} bits=${pattern} />`, shares[k]))}${row(nothing(run), rest, "none")}</dl>
      <p class="caption">${t(run.config.latent === "constant" ? "made.note.constant" : "made.note")}</p></section>`;
  }
}
