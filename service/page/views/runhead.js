// Run header: name, status, duration, and outcome.

import { compareWithArticle } from "../settings.js";
import { Component, html } from "../ui.js";
import { displayed, exact, fine, gap, span, t, whole, wholePercent } from "../words.js";
import { Actions } from "./actions.js";

export const runName = (job) => job.name || t("run.of", { pattern: job.config?.pattern ?? "", id: job.id.slice(-4) });

export function RunHead({ run, action }) {
  const { job } = run;
  return html`<section class="run-head" aria-label=${t("run")}>
    <div><h2>${runName(job)}</h2><${Status} job=${job} />${!run.ended && html`<span class="actions"><${Actions} job=${job} name=${runName(job)} /></span>`}${action}</div>
    <${Outcome} run=${run} />
    <${Settings} config=${run.config} />
  </section>`;
}

/** A run's settings: what differs from the article, and behind that the others. */
function Settings({ config }) {
  const [other, same] = compareWithArticle(config);
  const value = (name) => (typeof config[name] === "number" ? exact(config[name]) : displayed(config[name]));
  const list = (names) => names.map((name) => t("sweep.pair", { name: t(`field.${name}`), value: value(name) })).join(" · ");
  return html`<details class="run-settings"><summary>${other.length ? html`<span>${t("run.other")}</span>${gap()}${list(other)}` : t("run.article")}</summary>
    <p class="caption"><b>${t("run.same")}</b>${gap()}${list(same)}</p></details>`;
}

export function Status({ job }) {
  const share = job.iterations ? job.iteration / job.iterations : 0;
  const moving = ["queued", "running", "paused"].includes(job.status);
  return html`<span class="status ${job.status}"><span class="status-word">${t(`status.${job.status}`)}</span>
    ${moving && html`<progress max="1" value=${share} aria-label=${t("status.progress")}>${Math.round(share * 100)} %</progress>
      ${job.eta_seconds !== null && job.status === "running" && html`<span class="quiet">${t("status.left", { span: span(job.eta_seconds) })}</span>`}`}
  </span>`;
}

/** The outcome of the training in a sentence. */
export class Outcome extends Component {
  render({ run }) {
    const { job } = run;
    if (job.error) return html`<p class="outcome bad">${t(job.error.type === "diverged" ? "outcome.diverged" : "outcome.failed", { detail: job.error.detail })}</p>`;
    if (!job.result) return html`<p class="outcome">${t(`outcome.${job.status}`)}</p>`;
    const { result, iterations_per_second: speed, iteration } = job;
    const duration = speed ? t("outcome.took", { count: whole(iteration), span: span(iteration / speed) }) : "";
    const seed = t(job.config.backend === "pytorch" ? "outcome.seed.pytorch" : "outcome.seed", { seed: job.config.seed });
    if (!run.hasGenerator) return html`<p class="outcome">${duration}${gap()}${t("outcome.alone", { real: fine(result.real_score), noise: fine(result.fake_score) })}${gap()}<span class="quiet">${seed}</span></p>`;
    const outcome = run.varies && result.shares ? variedOutcome(run, result) : null;
    const kind = result.in_range ? "in" : run.patterns.includes(result.bits) ? "bits" : "out";
    return html`<p class="outcome">${duration}${gap()}${t("outcome.end")}${gap()}<b>${outcome ?? t(`outcome.${kind}`, { bits: result.bits, at: whole(result.settled_at ?? 0) })}</b>${gap()}<span class="quiet">${seed}</span></p>`;
  }
}

/** The outcome in a sentence where G may make several patterns: which it makes, and how often. */
function variedOutcome({ patterns, config }, { covered, quality, shares }) {
  const count = patterns.length;
  const made = patterns.map((pattern, k) => ({ pattern, share: shares[k] })).filter(({ share }) => share > 0);
  const list = made.map(({ pattern, share }) => t("outcome.share", { pattern, share: wholePercent(share) })).join(t("list.comma"));
  if (config.latent === "constant") return t(made.length ? "outcome.one.constant" : "outcome.none", { pattern: made[0]?.pattern, count });
  if (count === 1) return t("outcome.quality", { pattern: patterns[0], share: wholePercent(quality) });
  if (!covered) return t(list ? "outcome.none.some" : "outcome.none", { count, list });
  return t(covered === count ? "outcome.all" : covered === 1 ? "outcome.one" : "outcome.some", { count, covered, list });
}
