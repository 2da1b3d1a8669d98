// Machine chart: latent, generator, sample, real data, discriminator, and its scores of both.

import { player, repaint } from "../player.js";
import { onShade, shade, theme } from "../theme.js";
import { fine, t, vector, whole } from "../words.js";
import { fittingForm, font, isReadable, mark, Picture, type } from "./picture.js";

const NODE_GAP = 12; // between hidden units; more units stand in several lanes
const MAX_LANES = 4;
const STRENGTHS = 12; // of lines
const LANE = 17;
export const REACH = 6; // from the pointer to the element whose value it shows
export const PLACES = { latent: 0.055, hiddenG: 0.215, sample: 0.41, hiddenD: 0.655, scale: 0.86 };
const ALONE = { sample: 0.18, hiddenD: 0.51, scale: 0.8 }; // without G
export const TOP = 32;
const CELL = 14; // the height of a cell with a number, at least
const MAX_SHRUNK = 1.7; // the width of several real samples, in cells

export class Machine extends Picture {
  describe() {
    const { run, moment } = player;
    if (!run?.hasWeights) return t("machine.none");
    const scores = { real: Array.from(moment.realScores, (score) => fine(score)).join(t("list.comma")), fake: fine(moment.fakeScore) };
    if (!run.hasGenerator) return t("machine.alone.says", { ...scores, at: whole(player.at) });
    return t(player.at ? "machine.says" : "machine.says.start", { ...scores, at: whole(player.at), sample: vector(moment.sample) });
  }

  pointed(x, y) {
    this.spot = { x, y };
    this.chosen = null;
    repaint();
  }

  left(event) {
    if (event.pointerType === "touch") return; // what was tapped stays
    this.spot = this.chosen = null;
    repaint();
  }

  /** Move to the next layer or line with left and right, and within it with up and down. */
  keys(event) {
    const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (across === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.spot = null;
    if (!this.chosen) this.chosen = { layer: 0, place: 0 };
    else if (across) this.chosen = { layer: this.chosen.layer + across, place: 0, step: across };
    else this.chosen.place += down;
    repaint();
  }

  /** Offer a drawn element for its value: the one nearest to the pointer is taken, or the one that the keys have reached. */
  offer(layer, place, away, x, y, describe) {
    if (this.spot) {
      if (away < this.nearest) [this.nearest, this.found] = [away, { x, y, describe }];
    } else if (this.chosen) (this.layers[layer] ??= [])[place] = { x, y, describe };
  }

  /** Show the value of the element that was found. */
  tell(pen, width) {
    if (this.chosen) {
      const { chosen, layers } = this;
      const last = layers.length - 1;
      while (!layers[chosen.layer] && chosen.layer > 0 && chosen.layer < last) chosen.layer += chosen.step ?? 1;
      chosen.layer = Math.min(Math.max(chosen.layer, layers.findIndex(Boolean)), last);
      const items = layers[chosen.layer];
      chosen.place = Math.min(Math.max(chosen.place, 0), items.length - 1);
      this.found = items[chosen.place];
    }
    const said = this.found?.describe() ?? "";
    if (said !== (this.state?.said ?? "")) this.setState({ said });
    if (!said) return;
    const { x, y } = this.found;
    pen.font = this.face(12.5, 600);
    const wide = pen.measureText(said).width + 18;
    const left = Math.min(Math.max(x - wide / 2, 2), Math.max(width - wide - 2, 2));
    const top = y > 52 ? y - 40 : y + 16;
    pen.strokeStyle = this.colours.ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, 4, 0, 2 * Math.PI);
    pen.stroke();
    pen.fillStyle = this.colours.ink;
    pen.beginPath();
    pen.roundRect(left, top, wide, 26, 7);
    pen.fill();
    text(pen, said, left + wide / 2, top + 14, this.colours.card, pen.font);
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D || height < 2 * TOP) return;
    Object.assign(this, { nearest: REACH, found: null, layers: [] });
    this.colours = theme.colours;
    const x = Object.fromEntries(Object.entries(run.hasGenerator || this.props.beside ? PLACES : ALONE).map(([name, share]) => [name, share * width]));
    const unit = (this.unit = Math.min(Math.max(height / 370, 0.85), 1.5, Math.max(width / 620, 0.85)));
    const half = (height - TOP - 14) / 2;
    const room = Math.max(half - 20 * unit, Math.min(CELL * type.scale * run.width, half - 5)); // many cells take more of it
    const stack = (bottom) => spread(run.width, bottom - room, room);
    const real = stack(TOP + half - 6 * unit);
    const fake = stack(TOP + 2 * half + 10 - Math.max(half - 14 * unit - room, 0));
    const tall = Math.min(Math.max(height * 0.52, moment.D.hidden.length * 24 * unit), height - TOP - 14);
    const hiddenD = spread(moment.D.hidden.length, TOP + (height - TOP - 14 - tall) / 2, tall, unit);
    const cell = Math.min(Math.max(real.gap * 0.86, Math.min(real.gap - 0.5, CELL * type.scale)), width * 0.075, 62);
    const wide = (this.wide = Math.max(cell, Math.min(38 * unit, width * 0.075)));
    const fakes = run.hasGenerator ? "sample" : "noise";
    if (run.hasGenerator) this.generator(pen, x, fake, cell, moment);
    const score = (value) => TOP + 18 + (1 - value) * (height - TOP - 48);
    this.edges(pen, x.sample + wide / 2, real, x.hiddenD, hiddenD, (h, i) => moment.D.inputWeight(h, i), this.colours.real, 5, "real", "D");
    this.edges(pen, x.sample + wide / 2, fake, x.hiddenD, hiddenD, (h, i) => moment.D.inputWeight(h, i), this.colours.fake, 6, fakes, "D");
    const middle = spread(1, score(0.5), 0);
    this.edges(pen, x.hiddenD, hiddenD, x.scale - 12, middle, (o, h) => moment.D.outputWeight(o, h), this.colours.quiet, 8, "D", "score");
    this.realCells(pen, x.sample, real, cell, run);
    this.cells(pen, x.sample, fake, cell, moment.sample, this.colours.fake, 4, fakes, this.wide, moment.kept.sample);
    this.nodes(pen, x.hiddenD, hiddenD, moment.D.hidden, this.colours.quiet, 7, (k) => this.unitOfD(k, moment));
    this.scores(pen, x.scale, score, moment, width);
    this.labels(pen, x, width, run, TOP + half);
    this.tell(pen, width);
  }

  /** A hidden unit of D has a value for real data and another for G's fake. */
  unitOfD(k, { D, sample }) {
    const valueFor = (vector) => (D.run(vector), fine(D.hidden[k]));
    const values = { unit: t("machine.at.D", { n: k + 1 }), fake: valueFor(sample), real: valueFor(player.run.centres.at(-1)) };
    return t(player.run.hasGenerator ? "machine.unit.D" : "machine.unit.D.alone", values);
  }

  generator(pen, x, fake, cell, moment) {
    const { colours } = this;
    const y = (fake.at[0] + fake.at[fake.count - 1]) / 2;
    const hidden = spread(moment.G.hidden.length, fake.at[0] - fake.gap / 2 + 4, fake.gap * fake.count - 8, this.unit);
    const latent = spread(1, y, 0);
    this.edges(pen, x.latent, latent, x.hiddenG, hidden, (h) => moment.G.inputWeight(h, 0), colours.generator, 1, "latent", "G");
    this.edges(pen, x.hiddenG, hidden, x.sample - this.wide / 2, fake, (o, h) => moment.G.outputWeight(o, h), colours.generator, 3, "G", "sample");
    this.nodes(pen, x.hiddenG, hidden, moment.G.hidden, colours.generator, 2, (k) => says(at("G", k), moment.G.hidden[k]));
    this.latent(pen, x.latent, y, moment.latent[0]);
  }

  latent(pen, x, y, value) {
    const u = this.unit;
    pen.fillStyle = this.colours.card;
    pen.strokeStyle = this.colours.generator;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.roundRect(x - 17 * u, y - 13 * u, 34 * u, 26 * u, 13 * u);
    pen.fill();
    pen.stroke();
    text(pen, fine(value, 1), x, y + 1, this.colours.ink, this.face(13, 600));
    this.offer(0, 0, this.away(x, y) - 17 * u, x, y, () => says(t("machine.at.latent"), value));
  }

  /** The page's font, scaled with the chart. */
  face(size, weight) {
    return font(Math.max(Math.round(2 * size * (0.45 + 0.55 * this.unit)) / 2, 12), weight);
  }

  away = (x, y) => (this.spot ? Math.hypot(x - this.spot.x, y - this.spot.y) : 0);

  /** Weights as lines: thicker if stronger, dashed if negative. */
  edges(pen, fromX, from, toX, to, weight, colour, layer, source, target) {
    pen.strokeStyle = colour;
    const paths = []; // by strength, those of negative weights last
    const crowd = Math.max(Math.sqrt(12 / Math.max(from.count * to.count, 12)), 0.2); // many lines are thinner
    for (let k = 0; k < to.count; k++) {
      for (let i = 0; i < from.count; i++) {
        const w = weight(k, i);
        const strength = Math.min(Math.abs(w) / 3, 1);
        const path = (paths[Math.round(strength * STRENGTHS) + (w < 0 ? STRENGTHS + 1 : 0)] ??= new Path2D());
        const [x0, y0, x1, y1] = [fromX + from.shift(i), from.at[i], toX + to.shift(k), to.at[k]];
        const bend = (x1 - x0) * BEND;
        path.moveTo(x0, y0);
        path.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
        if (!this.spot && !this.chosen) continue;
        const [away, x, y] = this.onLine(x0, y0, x1, y1);
        this.offer(layer, k * from.count + i, away, x, y, () => t("machine.line", { from: at(source, i), to: at(target, k), value: fine(w).replace("-", "−") }));
      }
    }
    paths.forEach((path, k) => { // few strokes are fast, also for a thousand lines
      const strength = (k % (STRENGTHS + 1)) / STRENGTHS;
      pen.globalAlpha = Math.max((0.22 + 0.6 * strength) * Math.sqrt(crowd), theme.dark ? 0.36 : 0.2);
      pen.lineWidth = Math.max((0.7 + 4.3 * strength) * this.unit * crowd, 0.6);
      pen.setLineDash(k > STRENGTHS ? DASHED : SOLID);
      pen.stroke(path);
    });
    pen.globalAlpha = 1;
    pen.setLineDash(SOLID);
  }

  /** The distance from the pointer to a line, and the nearest point of the line, or its middle. */
  onLine(x0, y0, x1, y1) {
    const share = this.spot ? (this.spot.x - x0) / (x1 - x0) : 0.5;
    if (share < 0 || share > 1) return [Infinity];
    let part = share; // of the curve's parameter
    for (let n = 0; n < 4; n++) part += share - (3 * BEND * part * (1 - part) ** 2 + 3 * (1 - BEND) * (1 - part) * part ** 2 + part ** 3);
    const y = y0 + (y1 - y0) * part * part * (3 - 2 * part);
    const slope = ((y1 - y0) * 6 * part * (1 - part)) / (x1 - x0);
    return [this.spot ? Math.abs(this.spot.y - y) / Math.hypot(1, slope) : 0, x0 + share * (x1 - x0), y];
  }

  nodes(pen, middle, places, values, colour, layer, describe) {
    const size = Math.min(places.gap * places.lanes * 0.38, 13 * this.unit);
    for (let k = 0; k < places.count; k++) {
      const x = middle + places.shift(k);
      this.offer(layer, k, this.away(x, places.at[k]) - size - REACH, x, places.at[k], () => describe(k));
      pen.beginPath();
      pen.arc(x, places.at[k], size, 0, 2 * Math.PI);
      pen.fillStyle = shade(theme.ramps.value, values[k]);
      pen.fill();
      pen.strokeStyle = colour;
      pen.lineWidth = places.lanes > 1 ? 1 : 1.5;
      pen.stroke();
    }
  }

  /** Values as cells, with numbers where these are readable. */
  cells(pen, x, places, size, values, colour, layer, name, wide = this.wide, printed = values) {
    const high = Math.min(size, wide);
    const face = (pen.font = font(Math.min(Math.max(high * 0.36, 12), 17), 620));
    const form = isReadable(high) && fittingForm(pen, wide);
    for (let k = 0; k < places.count; k++) {
      const y = places.at[k] - high / 2;
      pen.fillStyle = shade(theme.ramps.value, values[k]);
      pen.strokeStyle = colour;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.roundRect(x - wide / 2, y, wide, high, high * 0.18);
      pen.fill();
      pen.stroke();
      if (form) text(pen, form(printed[k]), x, places.at[k] + 1, onShade(theme.ramps.value, values[k]), face);
      const inside = this.spot && Math.abs(this.spot.x - x) < wide / 2 && Math.abs(this.spot.y - places.at[k]) < places.gap / 2;
      if (inside || this.chosen) this.offer(layer, k, -REACH, x, places.at[k], () => says(at(name, k), values[k]));
    }
  }

  /** The centres of the real regions, side by side. */
  realCells(pen, x, real, cell, { centres }) {
    const size = Math.min(this.wide, (this.wide * MAX_SHRUNK) / centres.length);
    centres.forEach((centre, k) => this.cells(pen, x + (k - (centres.length - 1) / 2) * (size + 4), real, cell, centre, this.colours.real, 4, "real", size));
  }

  /** The scale of scores, from fake to real. */
  ruler(pen, x, score, beside = false) {
    const { colours } = this;
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
    const [at, align] = beside ? [x + 7, "right"] : [x];
    text(pen, t("machine.sure.real"), at, score(1) - 10, colours.quiet, this.face(12), align);
    text(pen, t("machine.sure.fake"), at, score(0) + 14, colours.quiet, this.face(12), align);
  }

  /** D's scores on a scale from fake to real. */
  scores(pen, x, score, moment, width) {
    const { colours } = this;
    this.ruler(pen, x, score);
    const realY = score(moment.realScore);
    const fakeY = score(moment.fakeScore);
    const [realText, fakeText] = apart(realY, fakeY, 20 * this.unit, score(1) + 10, score(0) - 8);
    const several = moment.realScores.length > 1;
    for (const value of moment.realScores) mark(pen, "real", x, score(value), (several ? 5.5 : 7.5) * this.unit, colours.real, colours.card);
    mark(pen, "fake", x, fakeY, 7.5 * this.unit, colours.fake, colours.card);
    const left = x + 16 * this.unit;
    const face = (pen.font = this.face(13, 650));
    const say = (keys, value, y, colour) => {
      const forms = [...keys.map((key) => `${t(key)} ${fine(value)}`), fine(value)];
      text(pen, forms.find((words) => left + pen.measureText(words).width <= width) ?? forms.at(-1), left, y + 1, colour, face, "left");
    };
    say(several ? ["machine.real.mean", "machine.mean"] : ["machine.real"], moment.kept.real, realText, colours.real);
    say([player.run.hasGenerator ? "machine.fake" : "machine.noise"], moment.kept.fake, fakeText, colours.fake);
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

export const DASHED = [3, 4];
export const SOLID = [];
const BEND = 0.45; // of the lines

export const at = (name, k) => t(`machine.at.${name}`, { n: k + 1 });
export const says = (unit, value) => t("machine.unit", { unit, value: fine(value) });

/** Positions of `count` items, one below the other; with a unit of size, many stand in lanes. */
export function spread(count, from, room, unit = 0) {
  const gap = room / count;
  const lanes = unit ? Math.min(Math.ceil(NODE_GAP / gap), MAX_LANES) : 1;
  return { count, gap, lanes, at: Array.from({ length: count }, (_, k) => from + gap * (k + 0.5)), shift: (k) => ((k % lanes) - (lanes - 1) / 2) * LANE * unit };
}

/** Two heights, as near as possible to where they should be, but at least a gap apart and within bounds. */
export function apart(first, second, gap, low, high) {
  const [a, b] = [first, second].map((y) => Math.min(Math.max(y, low), high));
  if (Math.abs(a - b) >= gap) return [a, b];
  const middle = Math.min(Math.max((a + b) / 2, low + gap / 2), high - gap / 2);
  return first <= second ? [middle - gap / 2, middle + gap / 2] : [middle + gap / 2, middle - gap / 2];
}

export function text(pen, words, x, y, colour, face, align = "center") {
  pen.font = face;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.fillStyle = colour;
  pen.fillText(words, x, y);
}
