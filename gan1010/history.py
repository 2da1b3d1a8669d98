"""Training history: recorded losses and weight snapshots of a run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gan1010.frames import data_frame
from gan1010.results import MEANS
from gan1010.types import Float32s, Int64s

if TYPE_CHECKING:
    import pandas as pd

LOSSES = REAL, FAKE, GENERATOR = MEANS[:3]


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Recorded losses: point i is recorded after iteration `iteration[i]`; all arrays are (points,).

    In the discriminator experiment `discriminator_fake_loss` is the loss on noise and `generator_loss` is None.
    """

    iteration: Int64s
    discriminator_real_loss: Float32s
    discriminator_fake_loss: Float32s
    generator_loss: Float32s | None

    @classmethod
    def of(cls, losses: Float32s, record_every: int) -> "History":
        """Build a history from losses (2 or 3, points) in the order of LOSSES, recorded at a fixed interval."""
        columns: dict[str, Any] = {**dict.fromkeys(LOSSES), **dict(zip(LOSSES, losses, strict=False))}
        return cls(iteration=np.arange(1, losses.shape[1] + 1, dtype=np.int64) * record_every, **columns)

    @property
    def series(self) -> dict[str, Float32s]:
        """The losses by name, without those that the experiment does not have."""
        return {name: getattr(self, name) for name in LOSSES if getattr(self, name) is not None}

    def to_frame(self) -> "pd.DataFrame":
        """Return the losses as columns of a pandas data frame, by iteration; ImportError without pandas."""
        return data_frame(self.series, self.iteration, "iteration")

    def __len__(self) -> int:
        return len(self.iteration)

    def take(self, points: slice | Int64s) -> "History":
        """Select points by slice or index."""
        selected: dict[str, Any] = {name: v if v is None else v[points] for name, v in vars(self).items()}
        return History(**selected)

    def after(self, iteration: int) -> "History":
        """Select the points after an iteration."""
        return self.take(slice(int(np.searchsorted(self.iteration, iteration, side="right")), None))

    def thinned(self, max_points: int) -> "History":
        """Select at most `max_points` points so that a chart still shows every spike.

        These are the minimum and the maximum of every series in each of as many equal buckets as possible, and the last
        point. If not even one bucket fits, they are the last points.
        """
        if len(self) <= max_points:
            return self
        buckets = (max_points - 1) // (2 * len(self.series))
        if buckets == 0:
            return self.take(slice(len(self) - max_points, None))
        points = {len(self) - 1}
        for bucket in np.array_split(np.arange(len(self)), buckets):
            for values in self.series.values():
                points |= {int(bucket[values[bucket].argmin()]), int(bucket[values[bucket].argmax()])}
        return self.take(np.array(sorted(points), np.int64))

    def article_losses(self) -> dict[str, Float32s]:
        """Return the article's two lists: the loss of every 10th training step of each network.

        D has two steps in an iteration, so every 10th is the fake step of every 5th iteration; G has one. That is all
        of D's fake losses, and every second one of G's, of a run with record_every 5; ValueError for any other.
        """
        if len(self) and self.iteration[0] != 5:
            raise ValueError("the article's lists need losses of every 5th iteration; train with record_every 5")
        generator = np.empty(0, np.float32) if self.generator_loss is None else self.generator_loss[1::2]
        return {"discriminator": self.discriminator_fake_loss, "generator": generator}


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshots:
    """Weight snapshots: row i is the state after iteration `iterations[i]`; row 0 is the initial state.

    Weights are flat, as in `layout`: discriminators (snapshots, N_d) and generators (snapshots, N_g). N_g is 0 in the
    discriminator experiment.
    """

    iterations: Int64s
    discriminators: Float32s
    generators: Float32s

    def __len__(self) -> int:
        return len(self.iterations)

    def take(self, rows: slice | Int64s) -> "Snapshots":
        """Select rows."""
        return Snapshots(**{name: values[rows] for name, values in vars(self).items()})

    def row_of(self, iteration: int) -> int:
        """Return the row of an iteration; ValueError with the nearest two if it has no snapshot."""
        row = int(np.searchsorted(self.iterations, iteration))
        if row == len(self) or self.iterations[row] != iteration:
            last = min(max(row, 1), len(self) - 1)
            nearest = self.iterations[max(last - 1, 0) : last + 1]
            raise ValueError(f"There is no snapshot at that iteration. The nearest: {', '.join(map(str, nearest))}.")
        return row
