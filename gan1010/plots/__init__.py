"""Plots of runs and sweeps: as PNG, SVG or PDF bytes, or on an axis of a matplotlib figure.

They take plain numbers, such as a client gets over HTTP. The same numbers always give the same bytes. On a given axis
(`ax`) a plot has its own style, whatever matplotlib's settings are, but neither heading nor explanation.
"""

from gan1010.plots.evolution_strip import evolution, tenths
from gan1010.plots.heat_map import heatmap
from gan1010.plots.loss_charts import EQUILIBRIA, losses, smoothed
from gan1010.plots.notebook import html
from gan1010.plots.score_surface import plane, surface
from gan1010.plots.style import Format

__all__ = ["EQUILIBRIA", "Format", "evolution", "heatmap", "html", "losses", "plane", "smoothed", "surface", "tenths"]
