"""Training settings: names, bounds and defaults."""

import numbers
import re
import secrets
import typing
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import Annotated, Any, Literal

from annotated_doc import Doc
from annotated_types import Ge, Gt, Le

from gan1010 import patterns

Experiment = Literal["gan", "discriminator"]
Loss = Literal["mse", "bce", "minimax"]
Optimizer = Literal["sgd", "adam"]
Latent = Literal["constant", "uniform", "normal"]
Backend = Literal["compiled", "pytorch"]

FLOAT32_MAX = 3.4028234663852886e38
MAX_SEED = 2**53 - 1  # JSON numbers hold all integers up to here exactly
MAX_ITERATIONS = 10_000_000
MAX_HIDDEN_SIZE = 64
MAX_POINTS = 200_000  # recorded losses of one run
MAX_SNAPSHOTS = 10_000
MAX_ROWS = 100_000  # latents or vectors in one request or batch of inference

LearningRate = Annotated[float, Gt(0), Le(10)]
Float32 = Annotated[float, Ge(-FLOAT32_MAX), Le(FLOAT32_MAX)]
Spread = Annotated[float, Gt(0), Le(0.5)]
Iterations = Annotated[int, Ge(1), Le(MAX_ITERATIONS)]
HiddenSize = Annotated[int, Ge(1), Le(MAX_HIDDEN_SIZE)]
BatchSize = Annotated[int, Ge(1), Le(64)]
DiscriminatorSteps = Annotated[int, Ge(1), Le(10)]
Penalty = Annotated[float, Ge(0), Le(100)]
Seed = Annotated[int, Ge(0), Le(MAX_SEED)]


class SettingError(ValueError):
    """A setting has an invalid value.

    `field` is the setting's name, such as "iterations", or "grid.spread" in a sweep; `rule` is the message without the
    value, for texts that must not repeat what a client has sent.
    """

    def __init__(self, field: str, reason: str, value: object) -> None:
        super().__init__(field, reason, value)  # all three, so that the error can be pickled
        self.field, self.reason, self.value = field, reason, value

    @property
    def rule(self) -> str:
        """The field and the reason, such as "iterations must be at least 1"."""
        return f"{self.field} {self.reason}"

    def __str__(self) -> str:
        return f"{self.rule}, not {self.value!r}"


def random_seed() -> int:
    """Draw a random seed, 0 to MAX_SEED."""
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of one run; the defaults are those of the article. `SettingError` if one is out of its bounds.

    `generator_learning_rate`, `record_every` and `snapshot_every` are None while they are not set: then they follow the
    other settings, also when `dataclasses.replace` changes those. `resolved` has their values. A `seed` that is not set
    is drawn once, so one config always gives the same bits.
    """

    experiment: Annotated[Experiment, Doc("gan; or discriminator: D alone, real data against noise")] = "gan"
    pattern: Annotated[str, Doc("1 to 16 bits, or up to 8 such patterns: 1010+0101; real data picks one")] = "1010"
    spread: Annotated[Spread, Doc("real data: a 1 is drawn from [1 - spread, 1], a 0 from [0, spread]")] = 0.2
    iterations: Annotated[Iterations, Doc("iterations of training: D on real data, D on a fake, then G")] = 10_000
    learning_rate: Annotated[LearningRate, Doc("learning rate of both networks")] = 0.01
    generator_learning_rate: Annotated[LearningRate | None, Doc("learning rate of G; null: that of D")] = None
    hidden_size: Annotated[HiddenSize, Doc("units in the hidden layer of both networks")] = 3
    loss: Annotated[Loss, Doc("mse: squared error; bce: cross-entropy; minimax: bce, and G minimises ln(1 - D)")] = (
        "mse"
    )
    optimizer: Annotated[Optimizer, Doc("sgd; or adam with PyTorch's defaults except for the learning rate")] = "sgd"
    latent: Annotated[Latent, Doc("G's input in training: latent_value, uniform [0, 1) or normal (0, 1)")] = "constant"
    latent_value: Annotated[Float32, Doc("the constant latent; also the latent of the result and the evolution")] = 0.5
    batch_size: Annotated[BatchSize, Doc("samples in each step; a loss is the mean over them")] = 1
    discriminator_steps: Annotated[DiscriminatorSteps, Doc("steps of D, on real data and on fakes, for one of G")] = 1
    r1: Annotated[Penalty, Doc("weight of the gradient penalty on D at real data (R1)")] = 0.0
    seed: Annotated[Seed, Doc("random seed of the whole run; default: drawn at random")] = field(
        default_factory=random_seed
    )
    backend: Annotated[Backend, Doc("compiled; or pytorch: step by step, thousands of times slower")] = "compiled"
    record_every: Annotated[Iterations | None, Doc("iterations between recorded losses; at most 200,000 points")] = None
    snapshot_every: Annotated[Iterations | None, Doc("iterations between weight snapshots; at most 10,000")] = None

    def __post_init__(self) -> None:
        for name, hint in _hints().items():
            object.__setattr__(self, name, plain(getattr(self, name)))
            _check(name, getattr(self, name), hint)
        _check_pattern(self.pattern)
        for name, maximum in {"record_every": MAX_POINTS, "snapshot_every": MAX_SNAPSHOTS}.items():
            every = getattr(self, name)
            if every is not None and self.iterations // every > maximum:
                minimum = _min_interval(self.iterations, maximum)
                raise SettingError(name, f"must be at least {minimum}, to keep at most {maximum:,}", every)

    @property
    def defaults(self) -> dict[str, Any]:
        """The values of the settings that are not set, by name: they follow from the other settings."""
        values = {
            "generator_learning_rate": self.learning_rate,
            "record_every": 5 * _min_interval(self.iterations // 5, 20_000),
            "snapshot_every": 100 * _min_interval(self.iterations // 100, 1_000),
        }
        return {name: value for name, value in values.items() if getattr(self, name) is None}

    @property
    def resolved(self) -> "ResolvedConfig":
        """The same settings, each with its value. They train the same weights."""
        return ResolvedConfig(**vars(self) | self.defaults)

    @property
    def width(self) -> int:
        """Values in a sample."""
        return patterns.width(self.pattern)


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig(TrainConfig):
    """A configuration in which every setting has a value."""

    generator_learning_rate: float
    record_every: int
    snapshot_every: int

    def __post_init__(self) -> None:
        """Skip the checks: the settings come from a configuration that has passed them."""


def plain(value: Any) -> Any:
    """Convert a number or a text of another library, such as NumPy, to Python's own type; return others as they are."""
    if type(value) in (bool, int, float, str):  # the usual case; a check against an abstract class is slow
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return str(value) if isinstance(value, str) else value


@cache
def _hints() -> dict[str, Any]:
    """Return the type and the bounds of each setting."""
    return typing.get_type_hints(TrainConfig, include_extras=True)


def _min_interval(iterations: int, maximum: int) -> int:
    """Return the smallest n for which every n-th iteration gives at most `maximum` of them."""
    return iterations // (maximum + 1) + 1


def _check(name: str, value: Any, hint: Any) -> None:
    """Check a value against its annotation: the type first, then the bounds."""
    if typing.get_origin(hint) is typing.Annotated:
        _check(name, value, hint.__origin__)
        for bound in hint.__metadata__:
            _check_bound(name, value, bound)
    elif typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise SettingError(name, f"must be one of {', '.join(typing.get_args(hint))}", value)
    elif options := typing.get_args(hint):  # X | None
        if value is not None:
            _check(name, value, options[0])
    else:
        accepted = (int, float) if hint is float else hint
        if not isinstance(value, accepted) or isinstance(value, bool) or (hint is float and not -inf < value < inf):
            raise SettingError(name, f"must be a finite {hint.__name__}", value)


def _check_pattern(pattern: str) -> None:
    if not re.fullmatch(patterns.PATTERN, pattern):
        reason = (
            f"must be 1 to {patterns.MAX_PATTERN_BITS} characters of 0 and 1, such as '1010', or 2 to "
            f"{patterns.MAX_PATTERNS} of these joined by +, such as '1010+0101'"
        )
        raise SettingError("pattern", reason, pattern)
    words = patterns.words(pattern)
    if len(set(map(len, words))) > 1:
        raise SettingError("pattern", "must have patterns of one length, such as '1010+0101'", pattern)
    if len(set(words)) < len(words):
        raise SettingError("pattern", "must have patterns that all differ, such as '1010+0101'", pattern)


def _check_bound(name: str, value: Any, bound: object) -> None:
    match bound:
        case Gt(gt) if not value > gt:
            raise SettingError(name, f"must be greater than {gt}", value)
        case Ge(ge) if not value >= ge:
            raise SettingError(name, f"must be at least {ge}", value)
        case Le(le) if not value <= le:
            raise SettingError(name, f"must be at most {le}", value)
