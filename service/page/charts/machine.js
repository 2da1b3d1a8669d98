// Machine chart: latent, generator, sample, real data, discriminator, and its scores of both.

import { player, repaint } from "../player.js";
import { onShade, shade, theme } from "../theme.js";
import { fine, t, vector, whole } from "../words.js";
import { box, fittingForm, font, isReadable, line, mark, Picture, text, type } from "./picture.js";

const NODE_GAP = 12; // between hidden units; more units stand in several lanes
const MAX_LANES = 4;
const STRENGTHS = 12; // of lines
const LANE = 17;
const REACH = 6; // from the pointer to the element whose value it shows
const PLACES = { latent: 0.055, hiddenG: 0.215, sample: 0.41, hiddenD: 0.655, scale: 0.85 };
const ALONE = { sample: 0.18, hiddenD: 0.51, scale: 0.8 }; // without G
export const TOP = 32;
const CELL = 14; // the height of a cell with a number, at least
const LANES = [1, 2, 4]; // of cells
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
    if (said) this.bubble(pen, this.found, said, width);
  }

  draw(pen, width, height) {
    const { run, moment } = player;
    if (!run?.hasWeights || !moment.D || height < 2 * TOP) return;
    const { D, G } = moment;
    const hasG = run.hasGenerator;
    const fakes = hasG ? "sample" : "noise";
    this.arrange(width, height, run.width, G?.hidden.length ?? 0, D.hidden.length, hasG || this.props.beside ? PLACES : ALONE);
    const { colours } = this;
    if (hasG) {
      for (const layer of this.layersOf(G, G.weights)) this.edges(pen, layer, colours.generator);
      this.unitsOfG(pen, G.hidden, moment.latent[0]);
    }
    const [real] = this.layersOf(D, D.weights, "real");
    const [fake, out] = this.layersOf(D, D.weights, fakes);
    this.edges(pen, real, colours.real);
    this.edges(pen, fake, colours.fake);
    this.edges(pen, out, colours.quiet);
    this.realCells(pen, run);
    this.cells(pen, fakes, moment.sample, moment.kept.sample);
    this.nodes(pen, "D", D.hidden, (k) => this.unitOfD(k, moment));
    this.scores(pen, moment);
    this.titles(pen, hasG);
    this.tell(pen, width);
  }

  /** Arrange the parts: their columns from left to right, and the places in each from top to bottom, D's below `top`. */
  arrange(width, height, inputs, hiddenG, hiddenD, columns = PLACES, top = TOP) {
    const x = Object.fromEntries(Object.entries(columns).map(([name, share]) => [name, share * width]));
    const unit = Math.min(Math.max(height / 370, 0.85), 1.5, Math.max(width / 620, 0.85));
    const half = (height - TOP - 14) / 2;
    const least = CELL * type.scale;
    const lanes = LANES.find((count) => least * Math.ceil(inputs / count) <= half - 5) ?? LANES.at(-1); // many cells stand side by side
    const rows = Math.ceil(inputs / lanes);
    const room = Math.max(half - 20 * unit, Math.min(least * rows, half - 5)); // or take more of the height
    const gap = room / rows;
    const stack = (bottom) => spread(inputs, bottom - room, room);
    const places = { real: stack(TOP + half - 6 * unit), fake: stack(TOP + 2 * half + 10 - Math.max(half - 14 * unit - room, 0)) };
    const tall = Math.min(Math.max(height * 0.52, hiddenD * 24 * unit), height - top - 14);
    places.hiddenD = spread(hiddenD, Math.max(TOP + (height - TOP - 14 - tall) / 2, top), tall, unit);
    const from = places.fake.at[0] - places.fake.gap / 2;
    places.hiddenG = spread(hiddenG, from, room, unit);
    places.latent = spread(1, from + room / 2, 0);
    const score = (value) => TOP + 18 + (1 - value) * (height - TOP - 48);
    places.score = spread(1, score(0.5), 0);
    const cell = Math.min(Math.max(gap * 0.86, Math.min(gap - 0.5, least)), width * 0.075, 62);
    const wide = Math.min(Math.max(cell, Math.min(38 * unit, width * 0.075)), (1.1 * (x.sample - (x.hiddenG ?? 0))) / lanes - 2);
    return Object.assign(this, {
      colours: theme.colours, nearest: REACH, found: null, layers: [],
      x, unit, lanes, gap, cell, wide, places, score, edge: (lanes * (wide + 2)) / 2 - 1, middle: TOP + half + 8, end: width, isNarrow: width < 560,
    });
  }

  /** Both layers of a network's lines: their ends, and their values `of` the weights. Those of D begin at the vector of this name. */
  layersOf(net, of, vector) {
    const { x, places, edge } = this;
    const first = (h, i) => of[h * net.inputs + i];
    const second = (o, h) => of[net.outputWeights + o * net.hidden.length + h];
    const from = places[vector] ?? places.fake;
    return vector
      ? [{ number: vector === "real" ? 5 : 6, names: [vector, "D"], fromX: x.sample + edge, from, toX: x.hiddenD, to: places.hiddenD, value: first },
        { number: 8, names: ["D", "score"], fromX: x.hiddenD, from: places.hiddenD, toX: x.scale - 17 * this.unit, to: places.score, value: second }]
      : [{ number: 1, names: ["latent", "G"], fromX: x.latent, from: places.latent, toX: x.hiddenG, to: places.hiddenG, value: first },
        { number: 3, names: ["G", "sample"], fromX: x.hiddenG, from: places.hiddenG, toX: x.sample - edge, to: from, value: second }];
  }

  /** A hidden unit of D has a value for real data and another for G's fake. */
  unitOfD(k, { D, sample }) {
    const valueFor = (vector) => (D.run(vector), fine(D.hidden[k]));
    const values = { unit: t("machine.at.D", { n: k + 1 }), fake: valueFor(sample), real: valueFor(player.run.centres.at(-1)) };
    return t(player.run.hasGenerator ? "machine.unit.D" : "machine.unit.D.alone", values);
  }

  unitsOfG(pen, hidden, latent) {
    this.nodes(pen, "G", hidden);
    this.latent(pen, this.x.latent, this.places.latent.at[0], latent);
  }

  latent(pen, x, y, value) {
    const u = this.unit;
    box(pen, x - 17 * u, y - 13 * u, 34 * u, 26 * u, 13 * u, this.colours.card, this.colours.generator);
    text(pen, fine(value, 1), x, y + 1, this.colours.ink, this.face(13, 600));
    this.offer(0, 0, this.away(x, y) - 17 * u, x, y, () => says(at("latent"), value));
  }

  /** The page's font, scaled with the chart. */
  face(size, weight) {
    return font(Math.max(Math.round(2 * size * (0.45 + 0.55 * this.unit)) / 2, 12), weight);
  }

  away = (x, y) => (this.spot ? Math.hypot(x - this.spot.x, y - this.spot.y) : 0);

  /** Weights as lines: thicker if stronger, dashed if negative. */
  edges(pen, { number, names, fromX, from, toX, to, value }, colour) {
    pen.strokeStyle = colour;
    const paths = []; // by strength, those of negative weights last
    const crowd = Math.max(Math.sqrt(12 / Math.max(from.count * to.count, 12)), 0.2); // many lines are thinner
    for (let k = 0; k < to.count; k++) {
      for (let i = 0; i < from.count; i++) {
        const w = value(k, i);
        const strength = Math.min(Math.abs(w) / 3, 1);
        const path = (paths[Math.round(strength * STRENGTHS) + (w < 0 ? STRENGTHS + 1 : 0)] ??= new Path2D());
        const [x0, y0, x1, y1] = [fromX + from.shift(i), from.at[i], toX + to.shift(k), to.at[k]];
        const bend = (x1 - x0) * BEND;
        path.moveTo(x0, y0);
        path.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
        if (!this.spot && !this.chosen) continue;
        const [away, x, y] = this.onLine(x0, y0, x1, y1);
        this.offer(number, k * from.count + i, away, x, y, () => t("machine.line", { from: at(names[0], i), to: at(names[1], k), value: fine(w) }));
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

  /** The hidden units of a network, and the texts that describe them. */
  nodes(pen, name, values, describe = (k) => says(at(name, k), values[k])) {
    const [middle, places] = [this.x, this.places].map((all) => all[`hidden${name}`]);
    const size = Math.min(places.gap * places.lanes * 0.38, 13 * this.unit);
    for (let k = 0; k < places.count; k++) {
      const x = middle + places.shift(k);
      this.offer(name === "G" ? 2 : 7, k, this.away(x, places.at[k]) - size - REACH, x, places.at[k], () => describe(k));
      pen.beginPath();
      pen.arc(x, places.at[k], size, 0, 2 * Math.PI);
      pen.fillStyle = shade(theme.ramps.value, values[k]);
      pen.fill();
      pen.strokeStyle = name === "G" ? this.colours.generator : this.colours.quiet;
      pen.lineWidth = places.lanes > 1 ? 1 : 1.5;
      pen.stroke();
    }
  }

  /** The values of a vector as cells in reading order, with numbers where these are readable. */
  cells(pen, name, values, printed = values, wide = this.wide, middle = this.x.sample) {
    const { lanes, gap, spot } = this;
    const kind = name === "real" ? name : "fake";
    const places = this.places[kind];
    const high = Math.min(this.cell, wide);
    const face = (pen.font = font(Math.min(Math.max(high * 0.36, 12), 17), 620));
    const form = isReadable(high) && fittingForm(pen, wide);
    const top = places.at[0] - places.gap / 2;
    for (let k = 0; k < places.count; k++) {
      const x = middle + ((k % lanes) - (lanes - 1) / 2) * (wide + 2);
      const y = top + (Math.floor(k / lanes) + 0.5) * gap;
      box(pen, x - wide / 2, y - high / 2, wide, high, high * 0.18, shade(theme.ramps.value, values[k]), this.colours[kind]);
      if (form) text(pen, form(printed[k]), x, y + 1, onShade(theme.ramps.value, values[k]), face);
      const inside = spot && Math.abs(spot.x - x) < wide / 2 && Math.abs(spot.y - y) < gap / 2;
      if (inside || this.chosen) this.offer(4, kind === name ? k : places.count + k, -REACH, x, y, () => says(at(name, k), values[k]));
    }
  }

  /** The centres of the real regions, side by side. */
  realCells(pen, { centres }) {
    const wide = Math.min(this.wide, (this.wide * MAX_SHRUNK) / centres.length);
    centres.forEach((centre, k) => this.cells(pen, "real", centre, centre, wide, this.x.sample + (k - (centres.length - 1) / 2) * (this.lanes * (wide + 2) + 2)));
  }

  /** The scale of scores, from fake to real. */
  ruler(pen, beside = false) {
    const { colours, score, x: { scale: x } } = this;
    const gradient = pen.createLinearGradient(0, score(1), 0, score(0));
    [colours.real, colours.even, colours.fake].forEach((colour, k) => gradient.addColorStop(k / 2, colour));
    box(pen, x - 6, score(1), 12, score(0) - score(1), 6, gradient);
    line(pen, [[x - 14, score(0.5)], [x + 14, score(0.5)]], colours.quiet, 1, DASHED);
    const [at, align] = beside ? [x + 7, "right"] : [x];
    text(pen, t("machine.sure.real"), at, score(1) - 10, colours.quiet, this.face(12), align);
    text(pen, t("machine.sure.fake"), at, score(0) + 14, colours.quiet, this.face(12), align);
  }

  /** D's scores: of real data left on the scale, of fakes right, so that both are seen where they meet. */
  scores(pen, { realScores, realScore, fakeScore, kept }) {
    const { colours, score, unit, x: { scale: x } } = this;
    this.ruler(pen);
    const several = realScores.length > 1;
    for (const value of realScores) mark(pen, "real", x - 8.5 * unit, score(value), (several ? 5.5 : 7.5) * unit, colours.real, colours.card);
    mark(pen, "fake", x + 8.5 * unit, score(fakeScore), 7.5 * unit, colours.fake, colours.card);
    const [realY, fakeY] = apart(score(realScore), score(fakeScore), 20 * unit, score(1) + 10, score(0) - 8);
    const say = (keys, value, y, colour) => this.beside(pen, 20 * unit, y + 1, [...keys.map((key) => `${t(key)} ${fine(value)}`), fine(value)], colour);
    say(several ? ["machine.real.mean", "machine.mean"] : ["machine.real"], kept.real, realY, colours.real);
    say([player.run.hasGenerator ? "machine.fake" : "machine.noise"], kept.fake, fakeY, colours.fake);
  }

  /** Write the first of some forms that has room beside the scale, or else the last. */
  beside(pen, away, y, forms, colour) {
    const face = (pen.font = this.face(13, 650));
    const left = this.x.scale + away;
    text(pen, forms.find((words) => left + pen.measureText(words).width <= this.end) ?? forms.at(-1), left, y, colour, face, "left");
  }

  /** Name the parts. `quiet` are those without a colour of their own. */
  titles(pen, hasG, quiet = []) {
    const { colours, middle, x } = this;
    const name = (part, words, at, y, colour) => text(pen, words, at, y, quiet.includes(part) ? colours.quiet : colour, this.face(13, part ? 650 : 500));
    const network = (part) => (this.isNarrow ? part : t(`machine.head.${part}`));
    name("D", network("D"), x.hiddenD, 16, colours.ink);
    name("score", t(`machine.head.score${this.isNarrow ? ".short" : ""}`), x.scale, 16, colours.ink);
    name("real", t("machine.head.data"), x.sample, 16, colours.real);
    name("fake", t(`machine.head.${hasG ? "sample" : "noise"}`), x.sample, middle, colours.fake);
    if (!hasG) return;
    name("G", network("G"), x.hiddenG, middle, colours.generator);
    name("", at("latent"), x.latent, middle, colours.quiet);
  }
}

export const DASHED = [3, 4];
export const SOLID = [];
const BEND = 0.45; // of the lines

const at = (name, k) => t(`machine.${["latent", "score"].includes(name) ? "head" : "at"}.${name}`, { n: k + 1 });
const says = (unit, value) => t("machine.unit", { unit, value: fine(value) });

/** Positions of `count` items, one below the other; with a unit of size, many stand in lanes. */
function spread(count, from, room, unit = 0) {
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
