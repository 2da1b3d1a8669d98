// Base class of the canvas charts: a sharp canvas, painted on each frame, with a caption.

import { onFrame, onTick, player, repaint } from "../player.js";
import { theme } from "../theme.js";
import { classes, Component, createRef, html } from "../ui.js";
import { fine } from "../words.js";

/** A chart. Subclasses have `draw(pen, width, height)` and `describe()`, and may have `pointed(x, y, down)`, `left(event)` and `keys(event)`. */
export class Picture extends Component {
  sheet = createRef();

  componentDidMount() {
    this.canvas = this.sheet.current;
    this.pen = this.canvas.getContext("2d");
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.canvas);
    this.seen = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      repaint();
    }, { rootMargin: "50%" }); // before it comes into the window
    this.seen.observe(this.canvas);
    this.stops = [onFrame(() => this.paint()), theme.listen(() => this.resize())]; // on paper, it has another size
  }

  componentDidUpdate() {
    repaint();
  }

  componentWillUnmount() {
    for (const stop of this.stops) stop();
    this.observer.disconnect();
    this.seen.disconnect();
  }

  resize() {
    const scale = Math.min(devicePixelRatio || 1, 2);
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.scale = scale;
    this.paint();
  }

  paint() {
    if (!this.width || (player.playing && this.visible === false && !theme.printing)) return; // outside the window, a chart is painted when the player stops
    this.pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.pen.clearRect(0, 0, this.width, this.height);
    this.draw(this.pen, this.width, this.height);
  }

  /** Write words in a box near a point, within a width. */
  bubble(pen, { x, y }, words, width) {
    const face = (pen.font = font(12.5, 600));
    const wide = pen.measureText(words).width + 18;
    const left = Math.min(Math.max(x - wide / 2, 2), Math.max(width - wide - 2, 2));
    const top = y > 52 ? y - 40 : y + 16;
    box(pen, x - 4, y - 4, 8, 8, 4, "transparent", theme.colours.ink);
    box(pen, left, top, wide, 26, 7, theme.colours.ink);
    text(pen, words, left + wide / 2, top + 14, theme.colours.card, face);
  }

  pointer(event) {
    if (!this.pointed) return;
    const box = this.canvas.getBoundingClientRect();
    this.pointed(event.clientX - box.left, event.clientY - box.top, event.buttons === 1 || event.type === "pointerdown");
  }

  render({ name, title, note, children }, { said }) {
    return html`<figure class=${classes("picture", name)}>
      ${title && html`<figcaption class="picture-title"><h3>${title}</h3>${note && html`<p>${note}</p>`}</figcaption>`}
      <canvas ref=${this.sheet} role=${this.keys ? "application" : "img"} tabindex=${this.keys ? 0 : undefined} aria-label=${title || this.describe()} onPointerMove=${(e) => this.pointer(e)} onPointerDown=${(e) => this.pointer(e)}
        onPointerLeave=${(e) => this.left?.(e)} onKeyDown=${(e) => this.keys?.(e)} onBlur=${(e) => this.left?.(e)} />
      ${this.keys && html`<p class="unseen" aria-live="polite">${said}</p>`}
      <${Caption} of=${() => this.describe()} />
      ${children}
    </figure>`;
  }
}

/** A text that follows the moment, a few times a second. */
export class Caption extends Component {
  componentDidMount() {
    this.stop = onTick(() => {
      const words = this.props.of();
      if (words !== this.state.words) this.setState({ words });
    });
  }

  componentWillUnmount() {
    this.stop();
  }

  render({ of, name }) {
    return html`<p class=${name ?? "caption"}>${of()}</p>`;
  }
}

export const type = { scale: 1 }; // larger for presenters

/** The page's font. */
export const font = (size, weight = 500) => `${weight} ${size * type.scale}px Figtree, system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;

const FORMS = [fine, (value) => brief(value, 2), (value) => brief(value, 1)];

/** A value from 0 to 1 without the zero before the point: ".93", or with one digit ".9". */
function brief(value, digits) {
  const full = fine(value, digits);
  return full[0] === "0" ? full.slice(1) : full.slice(0, 2 * digits - 1);
}

/** The most exact form of values from 0 to 1 that fits a width with the pen's font; undefined if none does. */
export const fittingForm = (pen, width) => FORMS.find((form) => pen.measureText(form(0)).width + 2 <= width);

/** Whether digits of 12 px fit a height. */
export const isReadable = (height) => height >= 11 * type.scale;

export function text(pen, words, x, y, colour, face, align = "center") {
  Object.assign(pen, { font: face, textAlign: align, textBaseline: "middle", fillStyle: colour });
  pen.fillText(words, x, y);
}

/** Fill a box with round corners, and stroke its rim if that has a colour. */
export function box(pen, left, top, wide, high, radius, fill, rim) {
  pen.beginPath();
  pen.roundRect(left, top, wide, high, radius);
  pen.fillStyle = fill;
  pen.fill();
  if (!rim) return;
  Object.assign(pen, { strokeStyle: rim, lineWidth: 1.5 });
  pen.stroke();
}

/** Stroke a line through points. */
export function line(pen, points, colour, width = 1, dashes = []) {
  Object.assign(pen, { strokeStyle: colour, lineWidth: width });
  pen.setLineDash(dashes);
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
  pen.setLineDash([]);
}

/** Write words that stay readable on lines: with a rim of the card's colour. */
export function haloed(pen, words, x, y) {
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = theme.colours.card;
  pen.strokeText(words, x, y);
  pen.fillText(words, x, y);
}

/** Fill the current path with hatching. */
export function hatch(pen, [x, y, wide, high]) {
  pen.save();
  pen.fillStyle = theme.colours.ground;
  pen.fill();
  pen.clip();
  pen.strokeStyle = theme.colours.edge;
  pen.globalAlpha = 0.8;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (let at = -high; at < wide; at += 7) {
    pen.moveTo(x + at, y + high);
    pen.lineTo(x + at + high, y);
  }
  pen.stroke();
  pen.restore();
}

/** Draw the mark of real data, fakes or the generator: a disc, a triangle or a square. */
export function mark(pen, kind, x, y, size, colour, rim) {
  pen.beginPath();
  if (kind === "real") pen.arc(x, y, size, 0, 2 * Math.PI);
  else if (kind === "fake") {
    pen.moveTo(x, y - size * 1.15);
    pen.lineTo(x + size * 1.1, y + size * 0.85);
    pen.lineTo(x - size * 1.1, y + size * 0.85);
    pen.closePath();
  } else pen.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
  pen.fillStyle = colour;
  pen.fill();
  if (!rim) return;
  pen.strokeStyle = rim;
  pen.lineWidth = 2;
  pen.stroke();
}
