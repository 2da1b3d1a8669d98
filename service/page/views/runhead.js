// Run header: name, status, duration, and outcome.

import { nothing } from "../charts/response.js";
import { settingText } from "../labels.js";
import { compareWithArticle } from "../settings.js";
import { classes, html } from "../ui.js";
import { displayed, fine, gap, span, t, whole, wholeParts, wholePercent } from "../words.js";
import { Actions } from "./actions.js";

export const runName = (job) => job.name || t("run.of", { pattern: job.config?.experiment === "discriminator" ? displayed("discriminator") : job.config?.pattern ?? "", id: job.id.slice(-4) });

export function RunHead({ run, action, below }) {
  const { job } = run;
  return html`<section class="run-head" aria-label=${t("run")}>
    <div><h2 title=${runName(job)} tabindex="-1">${runName(job)}</h2>${!run.ended && html`<span ref=${keepFocus} class="actions"><${Actions} job=${job} name=${runName(job)} /></span>`}<${Status} job=${job} trained replay=${action} />${action}</div>
    <${Outcome} run=${run} brief />
    ${below}
    <${Settings} config=${run.config} />
  </section>`;
}

/** When the run's actions are removed, its name gets their focus. */
const keepFocus = (actions) => !actions && document.querySelector(".run-head .actions :focus") && document.querySelector(".run-head h2").focus();

/** A run's settings: what differs from the article, and behind that the others. */
function Settings({ config }) {
  const [other, same] = compareWithArticle(config);
  return html`<details class="run-settings"><summary title=${listed(config, other)}>${other.length ? html`<span>${t("run.other")}</span>${gap()}${listed(config, other)}` : t("run.article")}</summary>
    <p class="caption"><b>${t("run.same")}</b>${gap()}${listed(config, same)}</p></details>`;
}

/** Settings of a run as text: their names and values. */
export function listed(config, names) {
  return names.map((name) => t("sweep.pair", { name: t(`field.${name}`), value: settingText(config[name]) })).join(" · ");
}

export function Status({ job, trained, replay }) {
  const share = job.iterations ? job.iteration / job.iterations : 0;
  const moving = ["queued", "running", "paused"].includes(job.status);
  const took = trained && job.status === "succeeded" && job.iterations_per_second && t("outcome.trained", { span: span(job.iteration / job.iterations_per_second) });
  return html`<span class="status ${job.status}"><span class="status-word">${took || t(`status.${job.status}`)}</span>
    ${took && replay && html`<span class="quiet">${t("outcome.replay")}</span>`}
    ${moving && html`<progress max="1" value=${share} aria-label=${t("status.progress")}>${wholePercent(share)}</progress>
      ${job.eta_seconds !== null && job.status === "running" && html`<span class="quiet">${t("status.left", { span: span(job.eta_seconds) })}</span>`}`}
  </span>`;
}

/** The outcome of the training in a sentence. */
export function outcomeOf(run) {
  const { error, result, status } = run.job;
  if (error) return t(error.type === "diverged" ? "outcome.diverged" : "outcome.failed", { detail: error.detail });
  if (!result) return t(`outcome.${status}`);
  if (!run.hasGenerator) return t("outcome.alone", { real: fine(result.real_score), noise: fine(result.fake_score) });
  if (run.varies && result.shares) return variedOutcome(run, result);
  const kind = result.settled_at ? "in" : result.in_range ? "inside" : run.patterns.includes(result.bits) ? "bits" : "out";
  return t(`outcome.${kind}`, { bits: result.bits, at: whole(result.settled_at ?? 0) });
}

/** The outcome with the seed, and the duration unless it is brief. */
export function Outcome({ run, brief }) {
  const { error, result, iterations_per_second: speed, iteration, config } = run.job;
  if (error || !result) return html`<p class=${classes("outcome", error && "bad")}>${outcomeOf(run)}</p>`;
  const duration = speed && !brief ? t("outcome.took", { count: whole(iteration), span: span(iteration / speed) }) : "";
  const seed = t(config.backend === "pytorch" ? "outcome.seed.pytorch" : "outcome.seed", { seed: config.seed });
  return html`<p class="outcome">${duration && duration + gap()}${run.hasGenerator ? html`${t("outcome.end")}${gap()}<b>${outcomeOf(run)}</b>` : outcomeOf(run)}${gap()}<span class="quiet seed-of">${seed}</span></p>`;
}

/** The outcome in a sentence where G may make several patterns: which it makes, and how often. */
function variedOutcome(run, { covered, quality, shares }) {
  const { patterns, config } = run;
  const count = patterns.length;
  const rest = Math.max(1 - shares.reduce((sum, share) => sum + share, 0), 0);
  const written = wholeParts([...shares, rest]);
  const parts = patterns.flatMap((pattern, k) => (shares[k] > 0 ? t("outcome.share", { pattern, share: written[k] }) : []));
  if (parts.length && rest >= 0.005) parts.push(t("outcome.share", { pattern: nothing(run), share: written.at(-1) }));
  const list = parts.join(t("list.comma"));
  if (config.latent === "constant") return t(list ? "outcome.one.constant" : "outcome.none", { pattern: patterns.find((_, k) => shares[k] > 0), count });
  if (count === 1) return t("outcome.quality", { pattern: patterns[0], share: wholePercent(quality) });
  if (!covered) return t(list ? "outcome.none.some" : "outcome.none", { count, list });
  if (covered < count && rest > 0.5) return t("outcome.mostly", { nothing: nothing(run), list });
  return t(covered === count ? "outcome.all" : covered === 1 ? "outcome.one" : "outcome.some", { count, covered, list });
}
