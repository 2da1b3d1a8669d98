"""What a run remembers: its losses, and its weights at chosen iterations."""

from dataclasses import dataclass

import numpy as np

from gan1010.types import Float32s, Int64s

REAL, FAKE, GENERATOR = "discriminator_real_loss", "discriminator_fake_loss", "generator_loss"


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The recorded losses: point i was taken after iteration `iteration[i]`, all arrays (points,).

    In the discriminator experiment `discriminator_fake_loss` is the loss on noise and `generator_loss` is None.
    """

    iteration: Int64s
    discriminator_real_loss: Float32s
    discriminator_fake_loss: Float32s
    generator_loss: Float32s | None

    @property
    def series(self) -> dict[str, Float32s]:
        """The losses that there are, by name."""
        named = {REAL: self.discriminator_real_loss, FAKE: self.discriminator_fake_loss, GENERATOR: self.generator_loss}
        return {name: values for name, values in named.items() if values is not None}

    def __len__(self) -> int:
        return len(self.iteration)

    def take(self, points: slice | Int64s) -> "History":
        """Some of the points."""
        return History(
            iteration=self.iteration[points],
            discriminator_real_loss=self.discriminator_real_loss[points],
            discriminator_fake_loss=self.discriminator_fake_loss[points],
            generator_loss=None if self.generator_loss is None else self.generator_loss[points],
        )

    def after(self, iteration: int) -> "History":
        """The points past an iteration."""
        return self.take(slice(int(np.searchsorted(self.iteration, iteration, side="right")), None))

    def thinned(self, most: int) -> "History":
        """At most `most` points: each bucket's minimum and maximum of every series, and the last point.

        A picture of these shows every spike of the whole. With fewer than one bucket's worth of points allowed, only
        the last ones stay.
        """
        if len(self) <= most:
            return self
        buckets = (most - 1) // (2 * len(self.series))
        if buckets == 0:
            return self.take(slice(len(self) - most, None))
        kept = {len(self) - 1}
        for bucket in np.array_split(np.arange(len(self)), buckets):
            for values in self.series.values():
                kept |= {int(bucket[values[bucket].argmin()]), int(bucket[values[bucket].argmax()])}
        return self.take(np.array(sorted(kept), np.int64))

    def article_losses(self) -> dict[str, Float32s]:
        """The two lists that the article's program keeps: the loss of every 10th training call of each network.

        D is called twice in an iteration, so its every 10th call is the fake one of every 5th iteration; G is called
        once. Of the points recorded every 5 iterations that is all of D's fake losses and every other one of G's.

        Raises:
            ValueError: the losses were not recorded every 5 iterations.
        """
        if len(self) and self.iteration[0] != 5:
            raise ValueError("the article's lists need a run whose record_every is 5")
        generator = np.empty(0, np.float32) if self.generator_loss is None else self.generator_loss[1::2]
        return {"discriminator": self.discriminator_fake_loss, "generator": generator}


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshots:
    """Weights kept on the way: row i is the state after iteration `iterations[i]`, row 0 before any training.

    The weights are flat, as in `layout`: discriminators (snapshots, N_d), generators (snapshots, N_g), and N_g is 0 in
    the discriminator experiment, which has no generator.
    """

    iterations: Int64s
    discriminators: Float32s
    generators: Float32s

    def __len__(self) -> int:
        return len(self.iterations)

    def row_of(self, iteration: int) -> int:
        """The row of an iteration.

        Raises:
            ValueError: nothing was kept there; the message names the nearest two that were.
        """
        row = int(np.searchsorted(self.iterations, iteration))
        if row == len(self) or self.iterations[row] != iteration:
            last = min(max(row, 1), len(self) - 1)
            nearest = self.iterations[max(last - 1, 0) : last + 1]
            raise ValueError(f"no snapshot at that iteration; the nearest: {', '.join(map(str, nearest))}")
        return row
