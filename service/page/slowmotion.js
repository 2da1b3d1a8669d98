// Slow motion: whether the address asks for the walk through an iteration, and its start.

import { player } from "./player.js";
import { state } from "./state.js";

export const PLACES = 12; // in an iteration: three steps of four phases

export const slowMotion = {
  seen: false, // whether an iteration was walked to its end
  started: false, // by a button, which then disappears, so that the focus has to move

  /** Whether the run has the weights that the walk needs. */
  get possible() {
    return Boolean(player.run?.job.id && player.run.hasGenerator && player.run.hasWeights);
  },

  get on() {
    return state.number("walk", 0) >= 1 && slowMotion.possible;
  },

  /** Iterations begun since the player's moment. */
  get begun() {
    return slowMotion.on ? Math.floor((state.number("walk", 1) - 1) / PLACES) + 1 : 0;
  },

  start(at = 0, place = 1) {
    player.playing = false;
    slowMotion.started = !slowMotion.on;
    state.replace({ walk: place });
    player.seek(at);
  },
};
