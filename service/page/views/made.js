// What G makes at the current moment: the share of its samples that belongs to each pattern, as bars.

import { nothing } from "../charts/response.js";
import { Cloud } from "../cloud.js";
import { Network } from "../model.js";
import { onFrame, onTick, player } from "../player.js";
import { Component, html } from "../ui.js";
import { t, whole, wholeParts } from "../words.js";
import { Bits } from "./parts.js";

const ALL = 0.95; // of the samples
const MAX_BLOCKS = 8; // wider patterns are written as digits, in two lines

/** When (nearly) all samples belong to one pattern: the pattern's number, with the first and the last of those snapshots. */
export function stretches(run) {
  if (run.stretches?.version === run.version) return run.stretches;
  const G = new Network(1, run.config.hidden_size, run.width);
  const cloud = new Cloud(run, G);
  const found = [];
  run.snapshotIterations.forEach((at, row) => {
    G.blend(run.generators, row, row, 0);
    cloud.outdate();
    const pattern = cloud.shares.findIndex((share) => share >= ALL);
    const last = found.at(-1);
    if (pattern >= 0 && last?.pattern === pattern && last.row === row - 1) Object.assign(last, { to: at, row });
    else if (pattern >= 0) found.push({ pattern, from: at, to: at, row });
  });
  return (run.stretches = Object.assign(found, { version: run.version }));
}

/** The patterns between which all samples are on their way at a moment, or undefined. */
function wayOf(run, at) {
  const all = stretches(run);
  const next = all.findIndex(({ from }) => from > at);
  const [before, after] = [all[next - 1], all[next]];
  if (before && at > before.to && before.pattern !== after.pattern) return { from: run.patterns[before.pattern], to: run.patterns[after.pattern] };
}

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
    const written = wholeParts([...shares, rest]);
    const way = this.props.moments && rest > 0.5 && wayOf(run, at);
    const last = this.props.moments ? stretches(run).filter(({ pattern }, k, all) => pattern !== all[k - 1]?.pattern).slice(-2) : [];
    const row = (label, share, k, kind) => html`<div class=${kind}><dt>${label}</dt><dd><span class="made-bar"><i style=${{ inlineSize: `${share * 100}%` }} /></span><b>${written[k]}</b></dd></div>`;
    return html`<section class="made" aria-label=${t("made.title")}><h3>${t(run.ended && at >= run.end ? "made.end" : "made.at")}</h3>
      <dl>${run.patterns.map((pattern, k) => row(run.width > MAX_BLOCKS ? html`${pattern.slice(0, MAX_BLOCKS)}<br />${pattern.slice(MAX_BLOCKS)}` : html`<${Bits} bits=${pattern} />`, shares[k], k))}${row(nothing(run), rest, shares.length, "none")}</dl>
      <p class="caption">${way ? t("made.way", way) : t(run.config.latent === "constant" ? "made.note.constant" : "made.note")}</p>
      ${last.length > 1 && html`<p class="row made-moments"><span class="caption">${t("made.moments")}</span>${last.map(({ pattern, from }) => html`<button type="button" class="chip" onClick=${() => { player.playing = false; player.seek(from); }}>${t("made.moment", { pattern: run.patterns[pattern], at: whole(from) })}</button>`)}</p>`}</section>`;
  }
}
