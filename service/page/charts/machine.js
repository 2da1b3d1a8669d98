// Machine chart: latent, generator, sample, real data, discriminator, and its scores of both.

import { player } from "../player.js";
import { onShade, shade, theme } from "../theme.js";
import { fine, t, vector, whole } from "../words.js";
import { font, mark, Picture } from "./picture.js";

const MAX_NODES = 12; // per layer; more would be unreadable
const PLACES = { latent: 0.055, hiddenG: 0.215, sample: 0.41, hiddenD: 0.655, scale: 0.86 };
const TOP = 46;
const MAX_SHRUNK = 1.7; // the width of several real samples, in cells

export class Machine extends Picture {
  describe() {
    const { run, moment } = player;
    if (!run?.hasWeights) return t("machine.none");
    const scores = { real: Array.from(moment.realScores, (score) => fine(score)).join(t("list.comma")), fake: fine(moment.fakeScore) };
    if (!run.hasGenerator) return t("machine.alone.says", { ...scores, at: whole(player.at) });
    return t("machine.says", { ...scores, at: whole(player.at), sample: vector(moment.sample) });
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D) return;
    this.colours = theme.colours;
    const x = Object.fromEntries(Object.entries(PLACES).map(([name, share]) => [name, share * width]));
    const unit = (this.unit = Math.min(Math.max(height / 370, 0.85), 1.5, Math.max(width / 620, 0.85)));
    const half = (height - TOP - 14) / 2;
    const stack = (from) => spread(run.width, from + 14 * unit, half - 26 * unit);
    const real = stack(TOP);
    const fake = stack(TOP + half + 10);
    const hiddenD = spread(Math.min(moment.D.hidden.length, MAX_NODES), TOP + height * 0.12, height * 0.52);
    const cell = Math.min(real.gap * 0.86, width * 0.075, 62);
    if (run.hasGenerator) this.generator(pen, x, fake, cell, moment);
    const score = (value) => TOP + 18 + (1 - value) * (height - TOP - 48);
    this.edges(pen, x.sample + cell / 2, real, x.hiddenD, hiddenD, (h, i) => moment.D.inputWeight(h, i), this.colours.real);
    this.edges(pen, x.sample + cell / 2, fake, x.hiddenD, hiddenD, (h, i) => moment.D.inputWeight(h, i), this.colours.fake);
    const middle = { at: [score(0.5)], count: 1 };
    this.edges(pen, x.hiddenD, hiddenD, x.scale - 12, middle, (o, h) => moment.D.outputWeight(o, h), this.colours.quiet);
    this.realCells(pen, x.sample, real, cell, run);
    this.cells(pen, x.sample, fake, cell, moment.sample, this.colours.fake);
    this.nodes(pen, x.hiddenD, hiddenD, moment.D.hidden, this.colours.quiet);
    this.scores(pen, x.scale, score, moment, width);
    this.labels(pen, x, width, run, TOP + half);
  }

  generator(pen, x, fake, cell, moment) {
    const { colours } = this;
    const y = (fake.at[0] + fake.at[fake.count - 1]) / 2;
    const hidden = spread(Math.min(moment.G.hidden.length, MAX_NODES), fake.at[0] - fake.gap / 2, fake.gap * fake.count);
    const latent = { at: [y], count: 1 };
    this.edges(pen, x.latent, latent, x.hiddenG, hidden, (h) => moment.G.inputWeight(h, 0), colours.generator);
    this.edges(pen, x.hiddenG, hidden, x.sample - cell / 2, fake, (o, h) => moment.G.outputWeight(o, h), colours.generator);
    this.nodes(pen, x.hiddenG, hidden, moment.G.hidden, colours.generator);
    pen.fillStyle = colours.card;
    pen.strokeStyle = colours.generator;
    pen.lineWidth = 1.5;
    pen.beginPath();
    const u = this.unit;
    pen.roundRect(x.latent - 17 * u, y - 13 * u, 34 * u, 26 * u, 13 * u);
    pen.fill();
    pen.stroke();
    text(pen, fine(moment.latent[0], 1), x.latent, y + 1, colours.ink, this.face(13, 600));
  }

  /** The page's font, scaled with the chart. */
  face(size, weight) {
    return font(Math.round(2 * size * (0.45 + 0.55 * this.unit)) / 2, weight);
  }

  /** Weights as lines: thicker if stronger, dashed if negative. */
  edges(pen, fromX, from, toX, to, weight, colour) {
    pen.strokeStyle = colour;
    const crowd = Math.max(Math.sqrt(12 / Math.max(from.count * to.count, 12)), 0.2); // many lines are thinner
    for (let k = 0; k < to.count; k++) {
      for (let i = 0; i < from.count; i++) {
        const w = weight(k, i);
        const strength = Math.min(Math.abs(w) / 3, 1);
        pen.globalAlpha = (0.22 + 0.6 * strength) * Math.sqrt(crowd);
        pen.lineWidth = (0.7 + 4.3 * strength) * this.unit * crowd;
        pen.setLineDash(w < 0 ? DASHED : SOLID);
        pen.beginPath();
        pen.moveTo(fromX, from.at[i]);
        const bend = (toX - fromX) * 0.45;
        pen.bezierCurveTo(fromX + bend, from.at[i], toX - bend, to.at[k], toX, to.at[k]);
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    pen.setLineDash(SOLID);
  }

  nodes(pen, x, places, values, colour) {
    const size = Math.min(places.gap * 0.38, 13 * this.unit);
    for (let k = 0; k < places.count; k++) {
      pen.beginPath();
      pen.arc(x, places.at[k], size, 0, 2 * Math.PI);
      pen.fillStyle = shade(theme.ramps.value, values[k]);
      pen.fill();
      pen.strokeStyle = colour;
      pen.lineWidth = 1.5;
      pen.stroke();
    }
  }

  cells(pen, x, places, size, values, colour) {
    for (let k = 0; k < places.count; k++) {
      const y = places.at[k] - size / 2;
      pen.fillStyle = shade(theme.ramps.value, values[k]);
      pen.strokeStyle = colour;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.roundRect(x - size / 2, y, size, size, size * 0.18);
      pen.fill();
      pen.stroke();
      if (size > 22) text(pen, fine(values[k]), x, places.at[k] + 1, onShade(theme.ramps.value, values[k]), font(Math.min(size * 0.36, 17), 620));
    }
  }

  /** The centres of the real regions, side by side. */
  realCells(pen, x, real, cell, { centres }) {
    const size = Math.min(cell, (cell * MAX_SHRUNK) / centres.length);
    centres.forEach((centre, k) => this.cells(pen, x + (k - (centres.length - 1) / 2) * (size + 4), real, size, centre, this.colours.real));
  }

  /** D's scores on a scale from fake to real. */
  scores(pen, x, score, moment, width) {
    const { colours } = this;
    const narrow = width < 560;
    const gradient = pen.createLinearGradient(0, score(1), 0, score(0));
    [colours.real, colours.even, colours.fake].forEach((colour, k) => gradient.addColorStop(k / 2, colour));
    pen.fillStyle = gradient;
    pen.beginPath();
    pen.roundRect(x - 6, score(1), 12, score(0) - score(1), 6);
    pen.fill();
    pen.strokeStyle = colours.quiet;
    pen.setLineDash(DASHED);
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x - 14, score(0.5));
    pen.lineTo(x + 14, score(0.5));
    pen.stroke();
    pen.setLineDash(SOLID);
    text(pen, t("machine.sure.real"), x, score(1) - 10, colours.quiet, this.face(11.5));
    text(pen, t("machine.sure.fake"), x, score(0) + 14, colours.quiet, this.face(11.5));
    const realY = score(moment.realScore);
    const fakeY = score(moment.fakeScore);
    const crowd = 20 * this.unit - Math.abs(realY - fakeY);
    const [realText, fakeText] = crowd > 0 ? [realY + (realY <= fakeY ? -crowd / 2 : crowd / 2), fakeY + (realY <= fakeY ? crowd / 2 : -crowd / 2)] : [realY, fakeY];
    const several = moment.realScores.length > 1;
    for (const value of moment.realScores) mark(pen, "real", x, score(value), (several ? 5.5 : 7.5) * this.unit, colours.real, colours.card);
    mark(pen, "fake", x, fakeY, 7.5 * this.unit, colours.fake, colours.card);
    const say = (key, value) => (narrow ? fine(value) : `${t(key)} ${fine(value)}`);
    text(pen, say("machine.real", moment.realScore), x + 16 * this.unit, realText + 1, colours.real, this.face(13, 650), "left");
    text(pen, say(player.run.hasGenerator ? "machine.fake" : "machine.noise", moment.fakeScore), x + 16 * this.unit, fakeText + 1, colours.fake, this.face(13, 650), "left");
  }

  labels(pen, x, width, run, middle) {
    const { colours } = this;
    const narrow = width < 560;
    const head = (key, at, colour) => text(pen, t(narrow ? `${key}.short` : key), at, 16, colour, this.face(13, 650));
    head("machine.head.D", x.hiddenD, colours.ink);
    head("machine.head.score", x.scale, colours.ink);
    text(pen, t("machine.head.data"), x.sample, 16, colours.real, this.face(13, 650));
    text(pen, t(run.hasGenerator ? "machine.head.sample" : "machine.head.noise"), x.sample, middle + 8, colours.fake, this.face(13, 650));
    if (!run.hasGenerator) return;
    text(pen, t(narrow ? "machine.head.G.short" : "machine.head.G"), x.hiddenG, middle + 8, colours.generator, this.face(13, 650));
    text(pen, t("machine.head.latent"), x.latent, middle + 8, colours.quiet, this.face(13, 500));
  }
}

const DASHED = [3, 4];
const SOLID = [];

/** Positions of `count` items, one below the other. */
function spread(count, from, room) {
  const gap = room / count;
  return { count, gap, at: Array.from({ length: count }, (_, k) => from + gap * (k + 0.5)) };
}

function text(pen, words, x, y, colour, face, align = "center") {
  pen.font = face;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.fillStyle = colour;
  pen.fillText(words, x, y);
}
