// Sentences of the guided path: all that they say is derived from the run that is shown.

import { smoothed } from "../charts/losses.js";
import { latentRange, MAX_IGNORED_CHANGE, reaction } from "../charts/response.js";
import { Network, patternsOf, realRange } from "../model.js";
import { LOSSES } from "../run.js";
import { isTrained } from "../session.js";
import { fine, gap, short, t, vector, whole } from "../words.js";
import { outcomeOf } from "./runhead.js";

const MEETING = 0.1; // scores that differ by less are nearly equal
const NEAR = 0.1; // a loss is near the one of a guess if it differs by less than this share
const LEAD = 0.015; // D is ahead if its loss is lower, and G's higher, than that of a guess by this share
const JUMP = 4; // a loss jumps if it is so many times its mean
/** The iterations over which the means of a result are taken: the last tenth of the run. */
const last = (run) => t("guided.last", { count: whole(Math.max(Math.floor(run.config.iterations / 10), 1)) });
const ARTICLE = { pattern: "1010", spread: 0.2, latent_value: 0.5, loss: "mse" };

/** The settings that the sentences name: the run's, or else the article's. */
export function described(run) {
  const { pattern, spread, latent_value: latent, loss } = run?.config ?? ARTICLE;
  const patterns = patternsOf(pattern);
  return {
    pattern: patterns.join(t("list.or")),
    count: patterns[0].length,
    low: short(spread),
    high: short(1 - spread),
    latent: short(latent),
    guess: loss === "mse" ? "0.25" : "0.69",
    rounds: whole(isTrained(run) ? run.config.iterations : 10_000),
    times: run?.config.discriminator_steps > 1 ? t("guided.train.times", { count: run.config.discriminator_steps }) : "",
  };
}

/** What there is to see of a run in a step, or of so many rows of real data, once its action is done: a text, or its paragraphs. */
export function observation(name, run, rows) {
  if (name === "real") return t(rows > 1 ? "guided.real.seen" : "guided.real.seen.one", described(run));
  if (name === "untrained") return run?.samples ? untrained(run) : "";
  if (!run || run.hasGenerator === (name === "alone")) return "";
  return run.job.result ? OBSERVATIONS[name](run, run.job.result).map(joined).filter(Boolean) : outcomeOf(run);
}

/** Sentences as one paragraph. */
const joined = (says) => [says].flat().filter(Boolean).join(gap());

const OBSERVATIONS = { alone, train, losses, sample, evolve };

function untrained(run) {
  const made = run.samples.subarray(0, run.width);
  const inside = Math.max(...run.patterns.map((pattern) => realRange(pattern, run.config.spread).filter(([low, high], k) => made[k] >= low && made[k] <= high).length));
  return t(inside ? "guided.untrained.seen.some" : "guided.untrained.seen", { ...described(run), sample: vector(made), inside });
}

/** The first recorded value of each loss. */
const firstLosses = (run) => Object.fromEntries(Object.keys(LOSSES).map((name) => [name, run.points[name].values[0]]));

function alone(run, result) {
  const { real, fake } = firstLosses(run);
  const after = (result.discriminator_real_loss + result.discriminator_fake_loss) / 2;
  return [[t(result.real_score > result.fake_score + MEETING ? "guided.alone.can" : "guided.alone.cannot"),
    t("guided.alone.seen", { real: fine(result.real_score), noise: fine(result.fake_score), before: fine((real + fake) / 2), after: fine(after), last: last(run) })],
    result.discriminator_fake_loss * JUMP < Math.max(...run.points.fake.values.slice(-run.points.fake.length / 10)) && t("guided.alone.jumps")];
}

function train(run, { real_score: real, fake_score: fake }) {
  const scores = { real: fine(real), fake: fine(fake) };
  const outcome = scores.real === scores.fake ? "meet" : Math.abs(real - fake) < MEETING ? "near" : real > fake ? "apart" : "fooled";
  return [[t(`guided.train.${outcome}`, { ...scores, last: last(run) }), ["meet", "near"].includes(outcome) && run.job.result.settled_at && beganTogether(run) && t("guided.train.began")]];
}

/** D at a snapshot. */
function discriminatorAt(run, row) {
  const D = new Network(run.width, run.config.hidden_size, 1);
  D.blend(run.discriminators, row, row, 0);
  return D;
}

/** Whether D's scores of real and fake were nearly equal before the training. */
function beganTogether(run) {
  if (!run.hasWeights) return false;
  const D = discriminatorAt(run, 0);
  const fake = D.run(run.samples.subarray(0, run.width))[0];
  return Math.max(...run.centres.map((centre) => Math.abs(D.run(centre)[0] - fake))) < MEETING;
}

function losses(run, result) {
  const names = Object.keys(LOSSES);
  const first = firstLosses(run);
  const isNear = (valueOf) => names.every((name) => Math.abs(valueOf(name) / run.equilibriumOf(name) - 1) < NEAR);
  const figures = (valueOf) => Object.fromEntries(names.map((name) => [name, fine(valueOf(name), 3)]));
  const mean = (name) => result[LOSSES[name]];
  const { loss } = run.config;
  const says = [t("guided.losses.seen", { ...figures(mean), last: last(run) }), t({ mse: "guided.losses.guess", minimax: "guided.losses.guess.minimax" }[loss] ?? "guided.losses.guess.log")];
  const beganNear = isNear((name) => first[name]);
  const ways = [!beganNear && t("guided.losses.levelled"), hump(run)];
  if (!isNear(mean)) return [[...says, t("guided.losses.far")], ways];
  return [[...says, t("guided.losses.near", { batch: run.config.batch_size })], ways,
    beganNear ? t("guided.losses.proof.began", figures((name) => first[name])) : t("guided.losses.proof")];
}

/** When D's losses and G's are furthest apart, by means over a twentieth of the run, if D is ahead of G then, and whether G catches up. */
function hump(run) {
  const { iteration } = run.points;
  const [real, fake, generator] = Object.keys(LOSSES).map((name) => {
    const guess = run.equilibriumOf(name);
    return smoothed(run.points[name].values, Math.round(iteration.length / 40)).map((loss) => (loss - guess) / Math.abs(guess));
  });
  const leads = generator.map((loss, k) => Math.min(loss, -(real[k] + fake[k]) / 2));
  const most = Math.max(...leads);
  if (!(most > LEAD)) return "";
  const apart = generator.map((loss, k) => loss - (real[k] + fake[k]) / 2);
  return leads.at(-1) > most / 2 ? t("guided.losses.hump.still") : t("guided.losses.hump", { at: whole(iteration.values[apart.indexOf(Math.max(...apart))]) });
}

function sample(run, { real_score: real, fake_score: fake, settled_at: settled }) {
  const { config, width } = run;
  if (!run.hasWeights) return [outcomeOf(run)];
  const end = run.snapshotIterations.length - 1;
  const G = new Network(1, config.hidden_size, width);
  G.blend(run.generators, end, 0, 0);
  const D = discriminatorAt(run, end);
  const most = reaction({ G, latent: [config.latent_value] }, config);
  const [low, high] = latentRange(config).map((end) => short(end));
  const ignores = most < MAX_IGNORED_CHANGE;
  return [[outcomeOf(run), settled && fine(fake) > fine(real) && D.run([...run.patterns[0]].map(Number))[0] > fake && t("guided.sample.more", { real: fine(real), fake: fine(fake), last: last(run) }), t(ignores ? "guided.sample.same" : "response.reacts", { low, high, most: fine(Math.max(most, 0.001), 3) })],
    [ignores && t(config.latent === "constant" ? "sample.ignores.constant" : "sample.ignores.varied", described(run)),
      ignores && run.patterns.length === 1 && t("guided.sample.beyond")]];
}

function evolve(run, { settled_at: at }) {
  return [at ? t(run.config.latent === "constant" ? "guided.evolve.settled" : "guided.evolve.settled.latent", { ...described(run), at: whole(at) }) : outcomeOf(run), t("guided.evolve.last")];
}
