"""A study: which learning rate and which size learn the pattern fastest, and how surely?"""

from pathlib import Path

from gan1010 import Sweep, plots, sweep, sweeping

BASE = {"loss": "bce"}
GRID = {"hidden_size": [2, 3, 5], "learning_rate": [0.003, 0.01, 0.03, 0.1]}

# After each shard, a fraction of a second, sweeping yields the sweep so far. Ctrl-C in sweep returns the same.
for part in sweeping(BASE, GRID, seeds=100):
    print(f"{part.done} of {part.config.members}")
    if part.done > 300:
        break
part.save("part.npz")

# Later, perhaps on another machine: the members that are missing, with the bits of a sweep without an interruption.
done = sweep(resume=Sweep.load("part.npz"), progress=True)
assert done.complete

# A hundred seeds more.
rates = done.merge(sweep(BASE, GRID, seeds=range(100, 200)))
rates.save("rates.npz")

# As pandas data frames: a row for each cell, and one for each GAN.
cells = rates.cells_frame()
print(cells[["hidden_size", "learning_rate", "in_range_rate", "settled_at_p50"]])
members = rates.to_frame()
print(members.groupby("learning_rate").generator_loss.describe())

# A median counts GANs that have not settled: it is NaN, and hatched here, where fewer than half have.
figure = "settled_at_p50"
x, y = "learning_rate", "hidden_size"
Path("settled.png").write_bytes(plots.heatmap(rates.on_grid(figure), GRID[x], GRID[y], x, y, figure))
print(rates.best(figure), rates.best("in_range_rate"))

# Any GAN can be trained again alone, with its history: the same to the last bit.
slowest = rates.members[rates.members.settled_at.argmax()]
run = rates.run(slowest.index)
assert run.result == slowest.result
run.history.to_frame().to_csv("slowest.csv")
