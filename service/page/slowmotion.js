// Slow motion: whether the address asks for the walk through an iteration, and its start.

import { player } from "./player.js";
import { state } from "./state.js";

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

  /** Begin at the current moment, or at the start if the run is at its end. */
  start(at = player.at < player.run.end ? player.at : 0, place = 1) {
    player.playing = false;
    slowMotion.started = !slowMotion.on;
    state.replace({ walk: place });
    player.seek(at);
  },
};
