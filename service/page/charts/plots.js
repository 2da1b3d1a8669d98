// Pictures of a run to take away: its charts on sheets with title, legend and caption, in the language and the theme of the page.

import uPlot from "./uplot.js";
import { player } from "../player.js";
import { state } from "../state.js";
import { theme } from "../theme.js";
import { t } from "../words.js";
import { Evolution, evolutionTitle } from "./evolution.js";
import { Lines } from "./lines.js";
import { curveName, DEFAULT_SMOOTHING, equilibria, logAxes, lossCurves, Losses, names } from "./losses.js";
import { Machine } from "./machine.js";
import { font, mark, text as write } from "./picture.js";
import { Response } from "./response.js";
import { sheet, widthOf, wrapped } from "./sheet.js";
import { Surface, surfaceTitle } from "./surface.js";

const [WIDTH, HEIGHT] = [880, 560]; // of each picture
const EDGE = 28;
const ZOOM = 2; // of the line chart, which is drawn on a canvas of its own
const PLOTS = {
  machine: { of: Machine, title: () => t("machine.title"), needs: (run) => run.hasWeights },
  losses: { title: () => t("losses.title"), needs: (run) => run.points.iteration.length > 0 },
  evolution: { of: Evolution, title: evolutionTitle, needs: (run) => run.hasGenerator && run.samples?.length > 0 },
  surface: { of: Surface, title: surfaceTitle, needs: (run) => run.hasWeights },
  response: { of: Response, title: () => t("response.title"), needs: (run) => run.hasWeights && run.hasGenerator },
};

/** The names of the pictures that a run has. */
export const plotsOf = (run) => Object.keys(PLOTS).filter((name) => PLOTS[name].needs(run));

/** Draw a picture of the run that the player shows; return its canvas, its title as in the lab, and its text. */
export async function drawPlot(name, run, runTitle) {
  const { of, title } = PLOTS[name];
  player.moment.show(run, player.at);
  const chart = name === "losses" ? new Losses({}) : new of({});
  const data = name === "losses" ? chart.data(run, state.number("smooth", DEFAULT_SMOOTHING)) : null;
  const words = data ? chart.describe(run) : chart.describe();
  const caption = wrapped(words, WIDTH - 2 * EDGE, 12.5);
  const [top, legend] = [EDGE + 52, data ? 28 : 0];
  const high = HEIGHT - top - legend - 12 - caption.length * 18 - EDGE;
  const lines = data ? await drawLosses(data, run, WIDTH - 2 * EDGE, high) : null;
  const { canvas, pen } = sheet(WIDTH, HEIGHT);
  const { colours } = theme;
  const text = (line, x, y, colour, size, weight, align = "left") => write(pen, line, x, y, colour, font(size, weight), align);
  text(title(run), EDGE, EDGE + 8, colours.ink, 19, 700);
  text(runTitle, EDGE, EDGE + 32, colours.quiet, 12.5, 500);
  text("gan1010", WIDTH - EDGE, EDGE + 8, colours.quiet, 12.5, 600, "right");
  pen.save();
  pen.translate(EDGE, top);
  if (lines) pen.drawImage(lines, 0, 0, WIDTH - 2 * EDGE, high);
  else chart.draw(pen, WIDTH - 2 * EDGE, high);
  pen.restore();
  if (lines) drawLegend(pen, text, run, top + high + 14);
  caption.forEach((line, k) => text(line, EDGE, top + high + legend + 16 + k * 18, colours.quiet, 12.5, 500));
  return { canvas, title: title(run), words };
}

async function drawLosses(data, run, width, height) {
  const log = logAxes(run);
  const props = {
    curves: lossCurves(run), data, equilibrium: equilibria(run),
    logX: log.includes("x"), logY: log.includes("y"), still: true, zoom: ZOOM,
  };
  const lines = new Lines(props);
  Object.assign(lines, { props, box: { clientWidth: width * ZOOM, clientHeight: height * ZOOM } });
  const plot = new uPlot(lines.options(), props.data, document.createElement("div"));
  await new Promise((resolve) => setTimeout(resolve)); // uPlot draws in a microtask
  plot.destroy();
  return plot.ctx.canvas;
}

function drawLegend(pen, text, run, y) {
  let x = EDGE;
  for (const name of names(run)) {
    mark(pen, name, x + 6, y, 5, theme.colours[name]);
    text(curveName(run, name), x + 18, y, theme.colours.ink, 13, 600);
    x += 18 + widthOf(curveName(run, name), 13) + 26;
  }
}
