// What G makes at the current moment: the share of its samples that belongs to each pattern, as bars.

import { onTick, player } from "../player.js";
import { Component, html } from "../ui.js";
import { t, wholePercent } from "../words.js";
import { Bits } from "./parts.js";

export class Made extends Component {
  componentDidMount() {
    this.stop = onTick(() => this.setState({}));
  }

  componentWillUnmount() {
    this.stop();
  }

  render({ run }) {
    const { moment } = player;
    if (moment.run !== run || !moment.cloud) return null;
    const atEnd = run.ended && player.at >= run.end;
    const shares = (atEnd && run.job.result?.shares) || moment.cloud.shares; // at the end, those that the service has measured
    const rest = Math.max(1 - shares.reduce((sum, share) => sum + share, 0), 0);
    const row = (label, share, kind) => html`<div class=${kind}><dt>${label}</dt><dd><span class="made-bar"><i style=${{ inlineSize: `${share * 100}%` }} /></span><b>${wholePercent(share)}</b></dd></div>`;
    return html`<section class="made" aria-label=${t("made.title")}><h3>${t("made.title")}</h3>
      <dl>${run.patterns.map((pattern, k) => row(html`<${Bits} bits=${pattern} />`, shares[k]))}${row(t("made.none"), rest, "none")}</dl>
      <p class="caption">${t(run.config.latent === "constant" ? "made.note.constant" : "made.note")}</p></section>`;
  }
}
