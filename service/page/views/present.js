// Presenter mode: the window as a whole screen, without the page's header, in larger type.

import { type } from "../charts/picture.js";
import { notify } from "../session.js";
import { applyTheme } from "../theme.js";

const NORMAL = 16; // pixels
const root = document.documentElement;

export const isPresenting = () => root.classList.contains("presenting");

function set(on) {
  root.classList.toggle("presenting", on);
  type.scale = parseFloat(getComputedStyle(root).fontSize) / NORMAL;
  applyTheme(); // draws the charts again
  notify();
}

export function present() {
  set(!isPresenting());
  if (isPresenting()) root.requestFullscreen?.().catch(() => {}); // where that is refused, the type is larger nevertheless
  else if (document.fullscreenElement) document.exitFullscreen();
}

document.addEventListener("fullscreenchange", () => !document.fullscreenElement && isPresenting() && set(false));
