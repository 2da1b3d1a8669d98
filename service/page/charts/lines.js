// Line chart over iterations, with uPlot: dragging zooms, a click seeks, and marks distinguish lines without colour.

import uPlot from "./uplot.js";
import { onFrame, player, repaint } from "../player.js";
import { theme } from "../theme.js";
import { Component, createRef, html } from "../ui.js";
import { short, t, whole, words } from "../words.js";
import { font, mark } from "./picture.js";

const MARKS = 7; // along each line
const MIN_DRAG = 6; // pixels; less is a click
const EDGE = 5; // pixels that lines and their marks take beyond the plot

const isPowerOfTen = (value) => value.toExponential(5).startsWith("1.00000");

/** Round values on a logarithmic axis: equal steps within a decade, else powers of ten, and 2 and 5 times these where they have space. */
export function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const first = 10 ** Math.floor(Math.log10(decades < 1 ? (high - low) / 4 : low));
  if (decades >= 1) {
    const powers = Array.from({ length: Math.ceil(decades) + 1 }, (_, k) => first * 10 ** k);
    return powers.flatMap((power) => (decades < 2.5 ? [power, 2 * power, 5 * power] : [power])).filter((value) => value >= low && value <= high);
  }
  const step = first * [1, 2, 5, 10].find((size) => 4.001 * size * first >= high - low);
  const from = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - from + 1 }, (_, k) => (from + k) * step);
}

const levels = (equilibrium) => [equilibrium ?? []].flat();

/**
 * Props: `curves` with label, colour, dash, width, fill and mark; `data` with iterations and the values of each curve; `zoom` of all sizes.
 * `tick` formats values; `range` has both ends of their axis, which then has a grid line for each power of ten.
 */
export class Lines extends Component {
  frame = createRef();

  componentDidMount() {
    this.box = this.frame.current;
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.box);
    this.stop = onFrame(() => this.positionLayers());
    this.stopTheme = theme.listen(() => this.build());
    this.build();
  }

  componentDidUpdate(before) {
    const { props } = this;
    const key = (p) => [p.logX, p.logY, p.equilibrium, words.language, ...p.curves.map((c) => c.label + c.colour + c.dash)].join();
    if (key(before) !== key(props) || this.language !== words.language) this.build();
    else if (before.data !== props.data || before.from !== props.from || before.to !== props.to) this.plot.setData(props.data, true);
    if (before.focus !== props.focus) this.plot.setSeries(props.focus ?? null, { focus: true }, false);
    this.positionLayers();
  }

  componentWillUnmount() {
    this.stop();
    this.stopTheme();
    this.observer.disconnect();
    this.plot?.destroy();
  }

  build() {
    if (!this.box) return;
    this.plot?.destroy();
    this.language = words.language;
    this.since = this.props.since;
    this.plot = new uPlot(this.options(), this.props.data, this.box);
    if (!this.props.still) this.addLayers();
    this.positionLayers();
  }

  options() {
    const { curves, logX, logY, range, onHover, equilibrium, zoom = 1 } = this.props;
    const { colours } = theme;
    const axis = { stroke: colours.quiet, font: font(12 * zoom), gap: 5 * zoom, ticks: { show: false }, grid: { stroke: colours.line, width: zoom } };
    return {
      width: this.box.clientWidth || 300,
      height: this.box.clientHeight || 200,
      padding: [(equilibrium === undefined ? 12 : 22) * zoom, (equilibrium === undefined ? 26 : 46) * zoom, 0, 0],
      legend: { show: false },
      focus: { alpha: onHover ? 0.25 : 1 },
      cursor: { x: Boolean(onHover), y: false, focus: { prox: onHover ? 12 : -1 }, points: { show: false }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => null } },
      scales: {
        x: { time: false, distr: logX ? 3 : 1, range: (u, low, high) => this.rangeX(low, high, logX) },
        y: { distr: logY ? 3 : 1, range: (u, low, high) => this.rangeY(low, high, logY) },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 30 * zoom, space: 70 * zoom, values: (u, ticks) => ticks.map((value) => (value === null ? "" : whole(value))) },
        { ...axis, ...(logY && !range && { splits: (u, k, low, high) => logTicks(low, high), filter: (u, ticks) => ticks }), grid: { ...axis.grid, filter: (u, ticks) => (range ? ticks.map((value) => (isPowerOfTen(value) ? value : null)) : ticks) }, size: (u, texts) => Math.max(46, ...(texts ?? []).map((text) => 7 * text.length + 5)) * zoom, space: 30 * zoom, values: (u, ticks) => {
          const digits = Math.max(3, Math.ceil(Math.log10(Math.hypot(ticks[0], ticks.at(-1)) / (ticks[1] - ticks[0]))) + 1 || 0); // that tell them apart
          return ticks.map((value) => (value === null ? "" : (this.props.tick ?? short)(value, digits)));
        } },
      ],
      series: [{}, ...curves.map((curve) => ({
        stroke: curve.colour(colours),
        fill: curve.fill && `color-mix(in srgb, ${curve.colour(colours)} 16%, transparent)`,
        width: curve.width * zoom,
        dash: curve.dash?.map((length) => length * zoom),
        alpha: curve.alpha ?? 1,
        points: { show: false },
        spanGaps: true,
      }))],
      hooks: {
        draw: [(u) => this.decorate(u)],
        setCursor: [(u) => (this.props.onHover ?? ((x) => player.setHover(x)))(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
        setSeries: [(u, place, options) => options.focus && this.props.onFocus?.(place)],
        setSelect: [(u) => this.selected(u)],
      },
    };
  }

  /** The range of the iterations. A plot keeps its kind of scale while it is replaced by another, whatever the props say. */
  rangeX(low, high, logX) {
    const { from, to } = this.props;
    if (from !== undefined && to > from) return [from, to];
    return [logX ? Math.max(low, 1) : 0, Math.max(high, 1)];
  }

  rangeY(low, high, logY) {
    const { equilibrium, range, tight } = this.props;
    if (range) return range;
    if (logY) return [Math.max(low * 0.9, 1e-6) || 1e-3, Math.max(high * 1.1, 2e-6) || 1];
    const ends = [low ?? 0, high ?? 0, ...(tight ? [] : levels(equilibrium))];
    const [least, most] = [Math.min(...ends), Math.max(...ends)];
    const spare = 0.06 * (most - least) || 0.01;
    return [least >= 0 && least < 0.3 * most ? 0 : least - spare, most + spare];
  }

  fit() {
    if (!this.plot || !this.box.clientWidth) return;
    this.plot.setSize({ width: this.box.clientWidth, height: this.box.clientHeight });
    this.positionLayers();
  }

  /** Draw the equilibrium and the marks, and measure the time since the data arrived. */
  decorate(u) {
    if (this.since) performance.measure("lab:losses", { start: this.since });
    this.since = null;
    const { equilibrium, curves } = this.props;
    const { ctx: pen, bbox } = u;
    const scale = (devicePixelRatio || 1) * (this.props.zoom ?? 1);
    pen.save();
    pen.setLineDash([]);
    pen.beginPath();
    pen.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    pen.clip();
    curves.forEach((curve, k) => curve.mark && this.marks(u, pen, curve, this.props.data[k + 1], k, scale));
    const shown = levels(equilibrium).map((value) => [value, u.valToPos(value, "y", true)]).filter(([, y]) => y >= bbox.top && y <= bbox.top + bbox.height);
    pen.restore();
    if (shown.length) this.levels(pen, bbox, scale, shown);
  }

  /** Draw the losses of a discriminator that only guesses as dashed lines, each with its value at its end, and their key above, where no curve can be. */
  levels(pen, { left, width, top }, scale, shown) {
    const right = left + width;
    const keyY = top - 11 * scale;
    pen.save();
    pen.font = font(12 * scale, 600);
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.strokeStyle = pen.fillStyle = theme.colours.ink;
    pen.lineWidth = scale;
    pen.setLineDash([5 * scale, 4 * scale]);
    const dashes = (from, to, y) => {
      pen.beginPath();
      pen.moveTo(from, y);
      pen.lineTo(to, y);
      pen.stroke();
    };
    const values = shown.map(([value]) => (this.props.tick ?? short)(value));
    shown.forEach(([, y], k) => {
      dashes(left, right, y);
      pen.fillText(values[k], right + 4 * scale, y);
    });
    const label = this.props.levelLabel ?? t("losses.equilibrium", { value: values.join(t("list.comma")) });
    const from = right - pen.measureText(label).width;
    pen.fillText(label, from, keyY);
    dashes(from - 32 * scale, from - 7 * scale, keyY);
    pen.restore();
  }

  marks(u, pen, curve, values, k, scale) {
    const { bbox } = u;
    for (let n = 0; n < MARKS; n++) {
      const iteration = u.posToVal(((n + 0.25 + 0.25 * (k % 3)) / MARKS) * (bbox.width / (devicePixelRatio || 1)), "x");
      const place = u.valToIdx(iteration);
      const value = values[place];
      if (value === null || value === undefined) continue;
      mark(pen, curve.mark, u.valToPos(u.data[0][place], "x", true), u.valToPos(value, "y", true), 4.5 * scale, curve.colour(theme.colours), theme.colours.card);
    }
  }

  /** Add the lines of the current moment and of the pointer, and a veil over the future. */
  addLayers() {
    const add = (name) => {
      const element = document.createElement("div");
      element.className = name;
      this.plot.over.append(element);
      return element;
    };
    this.veil = add("veil");
    this.pointedAt = add("pointed-at");
    this.playhead = add("playhead");
    let down = 0;
    this.plot.over.addEventListener("pointerdown", (event) => (down = event.clientX));
    this.plot.over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - down) >= MIN_DRAG || this.props.still) return;
      player.seek(this.plot.posToVal(event.clientX - this.plot.over.getBoundingClientRect().left, "x"));
    });
  }

  positionLayers() {
    if (!this.plot || this.props.still) return;
    const wide = this.plot.over.clientWidth;
    const at = (iteration) => Math.min(Math.max(this.plot.valToPos(Math.max(iteration, this.props.logX ? 1 : 0), "x"), 0), wide);
    const x = at(player.at);
    this.playhead.style.transform = `translateX(${x}px)`;
    this.veil.style.transform = `translateX(${x}px)`;
    this.veil.style.width = `${x < wide ? wide - x + EDGE : 0}px`;
    this.veil.classList.toggle("thick", player.playing);
    this.pointedAt.hidden = player.hover === null;
    if (player.hover !== null) this.pointedAt.style.transform = `translateX(${at(player.hover)}px)`;
  }

  selected(u) {
    if (u.select.width < MIN_DRAG) return;
    const from = u.posToVal(u.select.left, "x");
    const to = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ width: 0, height: 0, left: 0, top: 0 }, false);
    this.props.onZoom?.(from, to);
    repaint();
  }

  render({ label }) {
    return html`<div class="lines" role="img" aria-label=${label}><div class="plot" ref=${this.frame} /></div>`;
  }
}
