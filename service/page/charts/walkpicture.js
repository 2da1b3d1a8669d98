// Walk picture: one training step in the machine, with its forward pass, loss, backward pass or update.

import { repaint } from "../player.js";
import { theme } from "../theme.js";
import { fine, t } from "../words.js";
import { at, DASHED, Machine, PLACES, REACH, says, SOLID, spread, text, TOP } from "./machine.js";
import { mark } from "./picture.js";

const FLOW_MS = 650; // the time that a pass takes from one end to the other
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class WalkPicture extends Machine {
  describe() {
    const { step, phase, loss } = this.props;
    const names = ["forward", loss === "mse" ? "loss.mse" : "loss", "backward", step.after ? "update" : "adam"];
    return t(`walk.legend.${names[phase]}`);
  }

  componentDidUpdate(before) {
    if (before.moment !== this.props.moment) this.since = performance.now();
    super.componentDidUpdate();
  }

  draw(pen, width, height) {
    const { step, other, phase, fast } = this.props;
    const { colours } = theme;
    this.colours = colours;
    Object.assign(this, { nearest: REACH, found: null, layers: [] });
    const [onReal, byG] = [step.name === "real", step.name === "generator"];
    const { D, G } = step;
    const x = Object.fromEntries(Object.entries(PLACES).map(([name, share]) => [name, share * width]));
    const unit = (this.unit = Math.min(Math.max(height / 370, 0.85), 1.5, Math.max(width / 620, 0.85)));
    const half = (height - TOP - 14) / 2;
    const stack = (from) => spread(D.inputs, from + 14 * unit, half - 26 * unit);
    const titled = TOP + 16 * unit; // below D's name and whether it learns
    const tall = Math.min(Math.max(height * 0.52, D.hidden.length * 24 * unit), height - titled - 14);
    const places = { real: stack(TOP), fake: stack(TOP + half + 10), hiddenD: spread(D.hidden.length, Math.max(TOP + (height - TOP - 14 - tall) / 2, titled), tall, unit) };
    const cell = Math.min(places.real.gap * 0.86, width * 0.075, 62);
    const wide = (this.wide = Math.max(cell, Math.min(38 * unit, width * 0.075)));
    const y = (places.fake.at[0] + places.fake.at.at(-1)) / 2;
    places.latent = spread(1, y, 0);
    places.hiddenG = spread(G.hidden.length, places.fake.at[0] - places.fake.gap / 2, places.fake.gap * places.fake.count, unit);
    const score = (value) => TOP + 18 + (1 - value) * (height - TOP - 48);
    places.score = spread(1, score(0.5), 0);
    const source = onReal ? places.real : places.fake;
    const flowing = { colour: onReal ? colours.real : colours.fake, D, places, x, wide, source };
    const ground = phase === 1 ? null : colours.line; // below what flows

    // What takes no part in the step is faint.
    const usesG = !onReal && !(step.name === "fake" && phase > 1);
    const linesOfG = () => this.network(pen, flowing, G, G.weights, (usesG && ground) || colours.generator);
    const unitsOfG = () => {
      const { hiddenG, input } = onReal ? other : step;
      this.nodes(pen, x.hiddenG, places.hiddenG, hiddenG, colours.generator, 2, (k) => says(at("G", k), hiddenG[k]));
      this.latent(pen, x.latent, y, input[0]);
    };
    this.ruler(pen, x.scale, score, true);
    this.cells(pen, x.sample, onReal ? places.fake : places.real, cell, other.vector, onReal ? colours.fake : colours.real, 4, onReal ? "sample" : "real");
    if (!usesG) linesOfG();
    if (!usesG) unitsOfG();
    pen.globalAlpha = 0.74;
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, x.sample + wide, height);
    pen.globalAlpha = 1;
    if (usesG) linesOfG();

    if (byG) this.frozen(pen, x, height, width < 560);
    this.network(pen, flowing, D, D.weights, ground || flowing.colour);
    this.pass(pen, flowing, step, phase, width, height, fast || still.matches ? 1 : Math.min((performance.now() - (this.since ?? 0)) / FLOW_MS, 1));
    if (usesG) unitsOfG();
    this.cells(pen, x.sample, source, cell, step.vector, onReal ? colours.real : colours.fake, 5, onReal ? "real" : "sample");
    this.nodes(pen, x.hiddenD, places.hiddenD, step.hiddenD, colours.quiet, 7, (k) => says(at("D", k), step.hiddenD[k]));
    if (byG && phase === 2) this.wishes(pen, x.sample + wide / 2 + 12 * unit, source, step.back);
    if (step.name === "fake") this.detach(pen, x.sample + wide / 2 + 16 * unit, source, half);
    this.target(pen, x.scale, score, step, phase, width < 560);
    this.titles(pen, x, TOP + half, width, step, usesG);
    this.tell(pen, width);
  }

  /** Both layers of a network, with a line for each weight by the values `of` them, as arrows if they flow back. */
  network(pen, { D, places, x, wide, source }, net, of, colour, arrows = false) {
    const first = (h, i) => of[h * net.inputs + i];
    const second = (o, h) => of[net.outputWeights + o * net.hidden.length + h];
    const isD = net === D;
    const lines = isD
      ? [[x.sample + wide / 2, source, x.hiddenD, places.hiddenD, first, colour, 6, source === places.real ? "real" : "sample", "D"], [x.hiddenD, places.hiddenD, x.scale - 12, places.score, second, colour, 8, "D", "score"]]
      : [[x.latent, places.latent, x.hiddenG, places.hiddenG, first, colour, 1, "latent", "G"], [x.hiddenG, places.hiddenG, x.sample - wide / 2, places.fake, second, colour, 3, "G", "sample"]];
    const { spot, chosen } = this;
    if (of !== net.weights) this.spot = this.chosen = null; // the pointer shows weights
    for (const layer of lines) {
      this.edges(pen, ...layer);
      if (arrows) this.heads(pen, ...layer);
    }
    Object.assign(this, { spot, chosen });
  }

  /** Arrow heads in the middle of the edges, pointing back. */
  heads(pen, fromX, from, toX, to, value, colour) {
    const many = from.count * to.count > 40;
    pen.fillStyle = colour;
    for (let k = 0; k < to.count; k++) {
      for (let i = 0; i < from.count; i++) {
        const strength = Math.min(Math.abs(value(k, i)) / 3, 1);
        if (strength < (many ? 0.3 : 0.04)) continue;
        const size = (4 + 5 * strength) * this.unit * (many ? 0.6 : 1);
        pen.save();
        pen.translate((fromX + from.shift(i) + toX + to.shift(k)) / 2, (from.at[i] + to.at[k]) / 2);
        pen.rotate(Math.atan2(2 * (to.at[k] - from.at[i]), 1.1 * (toX - fromX)));
        pen.beginPath();
        pen.moveTo(-size, 0);
        pen.lineTo(size * 0.6, -size * 0.75);
        pen.lineTo(size * 0.6, size * 0.75);
        pen.fill();
        pen.restore();
      }
    }
  }

  /** What flows in this phase, up to the share of the way that it has come. */
  pass(pen, flowing, step, phase, width, height, share) {
    const { colours } = this;
    const byG = step.name === "generator";
    pen.save();
    pen.beginPath();
    if (phase === 0) pen.rect(0, 0, width * share, height);
    else pen.rect(phase === 2 ? width * (1 - share) : 0, 0, width, height);
    pen.clip();
    if (phase === 0) {
      if (step.name !== "real") this.network(pen, flowing, step.G, step.G.weights, colours.generator);
      this.network(pen, flowing, step.D, step.D.weights, flowing.colour);
    } else if (phase > 1) {
      const colour = theme.runs[3];
      if (phase === 2) this.network(pen, flowing, step.D, toStrengths(step.D, step.gradients.D), byG ? colours.quiet : colour, true);
      if ((byG && phase === 2) || (phase === 3 && step.after)) this.network(pen, flowing, step.learner, toStrengths(step.learner, step.gradient, phase === 2 ? 1 : -1), colour, phase === 2);
    }
    pen.restore();
    if (share < 1) repaint();
  }

  /** Small triangles that show whether the values of the fake should rise or fall. */
  wishes(pen, x, places, back) {
    const largest = Math.max(...back.map(Math.abs)) || 1;
    pen.fillStyle = theme.runs[3];
    places.at.forEach((y, i) => {
      const size = (3 + 5 * Math.abs(back[i] / largest)) * this.unit * Math.sign(-back[i]);
      pen.beginPath();
      pen.moveTo(x, y - size);
      pen.lineTo(x + Math.abs(size), y + size * 0.8);
      pen.lineTo(x - Math.abs(size), y + size * 0.8);
      pen.fill();
    });
  }

  /** The box around a D that does not learn, with a lock. */
  frozen(pen, x, height, narrow) {
    const left = x.sample + (x.hiddenD - x.sample) * (narrow ? 0.46 : 0.5);
    pen.fillStyle = this.colours.ground;
    pen.strokeStyle = this.colours.quiet;
    pen.lineWidth = 1.5;
    pen.setLineDash([6, 5]);
    pen.beginPath();
    pen.roundRect(left, 3, x.scale - (narrow ? 36 : 44) * this.unit - left, height - 6, 12);
    pen.fill();
    pen.stroke();
    pen.setLineDash(SOLID);
    const [at, y] = narrow ? [left + 14, 16] : [left + 18, 19];
    pen.fillStyle = this.colours.quiet;
    pen.beginPath();
    pen.roundRect(at - 6, y - 2, 12, 9, 2);
    pen.fill();
    pen.beginPath();
    pen.arc(at, y - 2, 4, Math.PI, 0);
    pen.stroke();
  }

  /** The cut between G and D. */
  detach(pen, x, places, half) {
    const { colours } = this;
    const top = places.at[0] - places.gap / 2;
    const bottom = top + places.gap * places.count;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 2.5;
    pen.setLineDash([6, 5]);
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, bottom);
    pen.stroke();
    pen.setLineDash(SOLID);
    text(pen, "detach", x + 6, Math.min(bottom + 4, top + half), colours.ink, this.face(12.5, 680), "left");
  }

  /** D's score, the target and, from the loss on, the distance between them. */
  target(pen, x, score, step, phase, narrow) {
    const { colours } = this;
    const u = this.unit;
    const now = phase === 3 ? (step.scoreAfter ?? step.score) : step.score;
    const y = score(now);
    const end = score(step.target);
    if (phase > 0) {
      pen.strokeStyle = colours.ink;
      pen.lineWidth = 2;
      pen.setLineDash(DASHED);
      pen.beginPath();
      pen.moveTo(x + 12 * u, y);
      pen.lineTo(x + 12 * u, end);
      pen.stroke();
      pen.setLineDash(SOLID);
      text(pen, `◀ ${narrow ? step.target : t("walk.target", { target: step.target })}`, x + 9 * u, end, colours.ink, this.face(12.5, 650), "left");
      if (phase < 3) text(pen, narrow ? fine(step.loss) : t("walk.loss.short", { loss: fine(step.loss, 3) }), x + 18 * u, (y + end) / 2, colours.ink, this.face(12.5, 600), "left");
    }
    const kind = step.name === "real" ? "real" : "fake";
    mark(pen, kind, x, y, 7.5 * u, colours[kind], colours.card);
    text(pen, fine(now, narrow ? 2 : 3), x + 16 * u, y + 1, colours[kind], this.face(13, 650), "left");
  }

  titles(pen, x, middle, width, step, usesG) {
    const { colours } = this;
    const short = width < 560 ? ".short" : "";
    const learns = this.props.phase > 1 ? t("walk.learns") : "";
    const head = (key, at, y, colour, state) => {
      text(pen, t(key), at, y, colour, this.face(13, 650));
      if (state) text(pen, state, at, y + 16 * this.unit, state === learns ? theme.runs[3] : colours.quiet, this.face(12, 600));
    };
    const byG = step.name === "generator";
    head(`machine.head.D${short}`, x.hiddenD, 16, colours.ink, byG ? t("walk.frozen") : learns);
    head(`machine.head.score${short}`, x.scale, 16, colours.ink);
    head("machine.head.data", x.sample, 16, byG || step.name === "fake" ? colours.quiet : colours.real);
    head("machine.head.sample", x.sample, middle + 8, step.name === "real" ? colours.quiet : colours.fake);
    head(`machine.head.G${short}`, x.hiddenG, middle + 8, usesG ? colours.generator : colours.quiet);
    text(pen, byG ? learns : usesG ? "" : t("walk.idle"), byG || !short ? x.hiddenG : (x.latent + x.hiddenG) / 2, middle - 9 * this.unit, byG ? theme.runs[3] : colours.quiet, this.face(12, 600));
    text(pen, t("machine.head.latent"), x.latent, middle + 8, colours.quiet, this.face(13, 500));
  }
}

/** Gradients as strengths of lines: the root of their size, so that small ones show too; the largest of a line, not of a bias, is the thickest. */
function toStrengths({ hiddenBias, outputWeights, outputBias }, gradient, sign = 1) {
  const isBias = (k) => (k >= hiddenBias && k < outputWeights) || k >= outputBias;
  const largest = gradient.reduce((most, value, k) => (isBias(k) ? most : Math.max(most, Math.abs(value))), 1e-30);
  return gradient.map((value) => sign * Math.sign(value) * 2.6 * Math.sqrt(Math.abs(value) / largest));
}
