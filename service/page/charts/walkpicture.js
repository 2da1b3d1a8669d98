// Walk picture: one training step in the machine, with its forward pass, loss, backward pass or update.

import { repaint } from "../player.js";
import { theme } from "../theme.js";
import { fine, t } from "../words.js";
import { DASHED, Machine, SOLID, TOP } from "./machine.js";
import { box, line, mark, text } from "./picture.js";

const FLOW_MS = 650; // the time that a pass takes from one end to the other
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class WalkPicture extends Machine {
  describe() {
    const { step, phase, loss } = this.props;
    const byG = step.name === "generator";
    const names = ["forward", loss === "mse" ? "loss.mse" : byG && !step.target ? "loss.minimax" : "loss", byG ? "backward.frozen" : "backward", step.after ? "update" : "adam"];
    return t(`walk.legend.${names[phase]}`);
  }

  componentDidUpdate(before) {
    if (before.moment !== this.props.moment) this.since = performance.now();
    super.componentDidUpdate();
  }

  draw(pen, width, height) {
    const { step, other, phase, fast } = this.props;
    const [onReal, byG] = [step.name === "real", step.name === "generator"];
    const { D, G } = step;
    this.arrange(width, height, D.inputs, G.hidden.length, D.hidden.length, undefined, TOP + 16); // below D's name and whether it learns
    const { colours, edge, unit, x } = this;
    const flowing = onReal ? colours.real : colours.fake;
    const ground = phase === 1 ? null : colours.line; // below what flows

    // What takes no part in the step is faint.
    const usesG = !onReal && !(step.name === "fake" && phase > 1);
    const linesOfG = () => this.network(pen, G, G.weights, (usesG && ground) || colours.generator);
    const unitsOfG = ({ hiddenG, input }) => this.unitsOfG(pen, hiddenG, input[0]);
    this.ruler(pen, true);
    this.cells(pen, onReal ? "sample" : "real", other.vector);
    if (!usesG) {
      linesOfG();
      unitsOfG(onReal ? other : step);
    }
    pen.globalAlpha = 0.74;
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, x.sample + edge + 2, height);
    pen.globalAlpha = 1;
    if (usesG) linesOfG();

    if (byG) this.frozen(pen, height);
    this.network(pen, D, D.weights, ground || flowing);
    this.pass(pen, step, phase, flowing, height, fast || still.matches ? 1 : Math.min((performance.now() - (this.since ?? 0)) / FLOW_MS, 1));
    if (usesG) unitsOfG(step);
    this.cells(pen, onReal ? "real" : "sample", step.vector);
    this.nodes(pen, "D", step.hiddenD);
    if (byG && phase === 2) this.wishes(pen, x.sample + edge + 12 * unit, step.back);
    if (step.name === "fake") this.detach(pen, x.sample - edge - 10 * unit, height);
    this.target(pen, step, phase);
    this.names(pen, step, phase, usesG);
    this.tell(pen, width);
  }

  /** Both layers of a network, with a line for each weight by the values `of` them, and arrows if they flow: 1 is forward, -1 back. */
  network(pen, net, of, colour, direction = 0) {
    const { spot, chosen } = this;
    const { D, name } = this.props.step;
    if (of !== net.weights || direction) this.spot = this.chosen = null; // the pointer shows weights
    for (const layer of this.layersOf(net, of, net === D && (name === "real" ? "real" : "sample"))) {
      this.edges(pen, layer, colour);
      if (direction) this.heads(pen, layer, colour, direction);
    }
    Object.assign(this, { spot, chosen });
  }

  /** Arrow heads in the middle of the edges. */
  heads(pen, { fromX, from, toX, to, value }, colour, direction) {
    const many = from.count * to.count > 40;
    for (let k = 0; k < to.count; k++) {
      for (let i = 0; i < from.count; i++) {
        const strength = Math.min(Math.abs(value(k, i)) / 3, 1);
        if (strength < (many ? 0.3 : 0.04)) continue;
        const size = (4 + 5 * strength) * this.unit * (many ? 0.6 : 1);
        const angle = Math.atan2(2 * (to.at[k] - from.at[i]), 1.1 * (toX - fromX));
        this.head(pen, (fromX + from.shift(i) + toX + to.shift(k)) / 2, (from.at[i] + to.at[k]) / 2, size, angle + (direction * Math.PI) / 2, colour);
      }
    }
  }

  /** A triangle that points up, or is turned by an angle. */
  head(pen, x, y, size, angle, colour) {
    pen.save();
    pen.translate(x, y);
    pen.rotate(angle);
    mark(pen, "fake", 0, 0, 0.85 * size, colour);
    pen.restore();
  }

  /** What flows in this phase, up to the share of the way that it has come. */
  pass(pen, step, phase, flowing, height, share) {
    const { D, G, learner, gradient, gradients, after } = step;
    const { colours, end } = this;
    const byG = learner === G;
    pen.save();
    pen.beginPath();
    if (phase === 0) pen.rect(0, 0, end * share, height);
    else pen.rect(phase === 2 ? end * (1 - share) : 0, 0, end, height);
    pen.clip();
    if (phase === 0) {
      if (step.name !== "real") this.network(pen, G, G.weights, colours.generator, 1);
      this.network(pen, D, D.weights, flowing, 1);
    } else if (phase > 1) {
      const colour = theme.runs[3];
      if (phase === 2) this.network(pen, D, toStrengths(D, gradients.D), byG ? colours.quiet : colour, -1);
      if (phase === 2 ? byG : after) this.network(pen, learner, toStrengths(learner, gradient, phase === 2 ? 1 : -1), colour, phase === 2 ? -1 : 0);
    }
    pen.restore();
    if (share < 1) repaint();
  }

  /** Small triangles that show whether the values of the fake should rise or fall. */
  wishes(pen, x, back) {
    const largest = Math.max(...back.map(Math.abs)) || 1;
    this.places.fake.at.forEach((y, i) => this.head(pen, x, y, (3 + 5 * Math.abs(back[i] / largest)) * this.unit, back[i] > 0 ? Math.PI : 0, theme.runs[3]));
  }

  /** The box around a D that does not learn, with a lock. */
  frozen(pen, height) {
    const { isNarrow: narrow, x } = this;
    const left = x.sample + (x.hiddenD - x.sample) * (narrow ? 0.46 : 0.5);
    pen.setLineDash([6, 5]);
    box(pen, left, 3, x.scale - (narrow ? 36 : 44) * this.unit - left, height - 6, 12, this.colours.ground, this.colours.quiet);
    pen.setLineDash(SOLID);
    const [at, y] = narrow ? [left + 14, 16] : [left + 18, 19];
    box(pen, at - 6, y - 2, 12, 9, 2, this.colours.quiet);
    pen.beginPath();
    pen.arc(at, y - 2, 4, Math.PI, 0);
    pen.stroke();
  }

  /** The cut between G and D. */
  detach(pen, x, height) {
    const { colours, places: { fake } } = this;
    const top = fake.at[0] - fake.gap / 2;
    const bottom = top + fake.gap * fake.count;
    line(pen, [[x, top], [x, bottom]], colours.ink, 2.5, [6, 5]);
    text(pen, "detach", x - 6, Math.min(bottom + 4, height - 7), colours.ink, this.face(12.5, 680), "right");
  }

  /** D's score, the target and, from the loss on, the distance between them. */
  target(pen, step, phase) {
    const { colours, score, unit, x: { scale } } = this;
    const now = phase === 3 ? (step.scoreAfter ?? step.score) : step.score;
    const y = score(now);
    const end = score(step.target);
    if (phase > 0) {
      const x = scale + 12 * unit;
      line(pen, [[x, y], [x, end]], colours.ink, 2, DASHED);
      this.beside(pen, 9 * unit, end, [`◀ ${t("walk.target", { target: step.target })}`, `◀ ${step.target}`], colours.ink);
      const distance = Math.abs(step.score - step.target);
      if (phase < 3 && Math.abs(y - end) > 40) this.beside(pen, 19 * unit, (y + end) / 2, [t("walk.distance", { distance: this.props.distance }), fine(distance)], colours.ink);
    }
    const kind = step.name === "real" ? "real" : "fake";
    mark(pen, kind, scale, y, 7.5 * unit, colours[kind], colours.card);
    this.beside(pen, 17 * unit, y + 1, [fine(now, 3), fine(now)], colours[kind]);
  }

  /** Name the parts, and say of both networks whether they learn. */
  names(pen, step, phase, usesG) {
    const { colours, middle, unit, x } = this;
    const byG = step.name === "generator";
    const onReal = step.name === "real";
    this.titles(pen, true, [onReal ? "fake" : "real", !usesG && "G"]);
    const state = (key, at, y) => text(pen, t(`walk.${key}`), at, y, key === "learns" ? theme.runs[3] : colours.quiet, this.face(12, 600));
    if (byG || phase > 1) state(byG ? "frozen" : "learns", x.hiddenD, 16 + 16 * unit);
    if (byG ? phase > 1 : !usesG) state(byG ? "learns" : "idle", byG || !this.isNarrow ? x.hiddenG : (x.latent + x.hiddenG) / 2, middle - 17 * unit);
  }
}

/** Gradients as strengths of lines: the root of their size, so that small ones show too; the largest of a line, not of a bias, is the thickest. */
function toStrengths({ hiddenBias, outputWeights, outputBias }, gradient, sign = 1) {
  const isBias = (k) => (k >= hiddenBias && k < outputWeights) || k >= outputBias;
  const largest = gradient.reduce((most, value, k) => (isBias(k) ? most : Math.max(most, Math.abs(value))), 1e-30);
  return gradient.map((value) => sign * Math.sign(value) * 2.6 * Math.sqrt(Math.abs(value) / largest));
}
