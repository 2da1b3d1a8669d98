"""A sweep on the wire: what all its members share, what differs, and their seeds; and the crossing to `SweepConfig`."""

import hashlib
from typing import Annotated, Any, Self

import orjson
from annotated_types import Ge, Le
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    create_model,
    model_validator,
)

from gan1010 import PRESETS
from gan1010.config import MAX_SEED, PATTERN, SettingError
from gan1010.sweeps.grid import MAX_MEMBERS, SETTINGS, SweepConfig
from service.api.schemas.common import AS_INTEGER, RequestModel
from service.api.schemas.training import PRESET, Name, setting, type_of
from service.errors import InvalidInputError
from service.job import Job

DEFAULT_PRESET = "article"
SWEEP_ONLY_FIELDS = {
    "seed": 'a sweep trains many seeds; give them beside it, such as "seeds": 100 or "seeds": {"start": 7, "count": 1}',
    "name": "the name is the sweep's; give it beside base and grid",
}


class SweepSettings(RequestModel):
    """Settings of trainings, without what is the sweep's own, in the order in which they were given."""

    _given: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _in_order(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        place = cls.__name__.removeprefix("Sweep").lower()
        for name, reason in SWEEP_ONLY_FIELDS.items():
            if isinstance(given, dict) and name in given:
                raise InvalidInputError(f"{place}.{name}: {reason}", "body", place, name)
        settings = validate(given)
        if isinstance(given, dict):
            settings._given = tuple(given)
        return settings

    @property
    def given(self) -> dict[str, Any]:
        """What was given."""
        return {name: getattr(self, name) for name in self._given}


def _values(name: str) -> Any:
    """A field of the grid: values of one setting, each as a training has it."""
    hint = type_of(name)
    value = Annotated[hint, Field(pattern=PATTERN)] if name == "pattern" else hint
    # One bad value of a million is enough to be told of.
    several = Annotated[list[value], Field(min_length=1, max_length=MAX_MEMBERS, fail_fast=True)]  # type: ignore[valid-type]
    return several, Field(default=None, description=f"values of {name}")


SweepBase = create_model(
    "SweepBase",
    __base__=SweepSettings,
    __doc__="What all members of a sweep share; what is not given is the article's.",
    preset=PRESET,
    **{name: setting(name, resolved=False) for name in SETTINGS},
)
SweepGrid = create_model(
    "SweepGrid",
    __base__=SweepSettings,
    __doc__="What differs: a cell for every combination of these values.",
    **{name: _values(name) for name in SETTINGS},
)


class Seeds(RequestModel):
    """Seeds in a row."""

    start: Annotated[int, Ge(0), Le(MAX_SEED), Field(description="the first"), AS_INTEGER] = 0
    count: Annotated[int, Ge(1), Le(MAX_MEMBERS), Field(description="how many"), AS_INTEGER]


def _counted(given: Any) -> Any:
    return given if isinstance(given, dict | Seeds) else {"count": given}


class SweepRequest(RequestModel):
    """A GAN for every combination of the grid's values and every seed; at most 1,000,000 in all."""

    base: Annotated[SweepBase, Field(description="settings that all members share")] = SweepBase()  # type: ignore[valid-type]
    grid: Annotated[SweepGrid, Field(description="values to combine; one cell when left out")] = SweepGrid()  # type: ignore[valid-type]
    seeds: Annotated[
        Seeds,
        BeforeValidator(_counted, json_schema_input_type=Annotated[int, Ge(1), Le(MAX_MEMBERS)] | Seeds),
        Field(description="how many from 0 on, or from which on: each cell is trained with each"),
    ] = Seeds(count=100)
    name: Annotated[Name | None, Field(description="a name for people")] = None


class SweepOut(BaseModel):
    """What a sweep is made of, as it was asked for."""

    base: dict[str, Any]
    grid: dict[str, list[Any]]
    seeds: Seeds
    name: str | None

    @classmethod
    def of(cls, job: Job) -> "SweepOut":
        """The sweep as clients see it."""
        config, preset = job.sweep_config, PRESETS[job.preset]
        base = {name: value for name, value in config.base.items() if (name, value) not in preset.settings.items()}
        return cls(
            base=({} if preset.name == DEFAULT_PRESET else {"preset": preset.name}) | base,
            grid={name: list(values) for name, values in config.grid.items()},
            seeds=Seeds(start=config.first_seed, count=config.seeds),
            name=job.name,
        )


def fingerprint(request: SweepRequest, config: SweepConfig) -> str:
    """The same for the same sweep, in whatever words it was asked for."""
    asked = [request.name, request.base.preset, config.base, list(config.grid.items())]  # type: ignore[attr-defined]
    return hashlib.sha256(orjson.dumps([*asked, config.first_seed, config.seeds])).hexdigest()


def to_sweep_config(request: SweepRequest) -> SweepConfig:
    """The sweep that a request asks for.

    Raises:
        InvalidInputError: the grid is empty or too large, or settings do not go together.
    """
    base, grid = request.base.given, request.grid.given  # type: ignore[attr-defined]
    preset = PRESETS[base.pop("preset", DEFAULT_PRESET)]
    if "grid" in request.model_fields_set and not grid:
        raise InvalidInputError("grid: give at least one field with its values, or leave grid out", "body", "grid")
    try:
        return SweepConfig(
            base=preset.settings | base,
            grid=grid,
            first_seed=request.seeds.start,
            seeds=request.seeds.count,
        )
    except SettingError as error:
        raise InvalidInputError(error.rule, "body", *error.field.split(".")) from None
