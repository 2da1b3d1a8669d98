"""Sweeps on the wire: shared settings, a grid of values and a range of seeds."""

import hashlib
from typing import Annotated, Any, Literal, Self

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
from gan1010.config import MAX_SEED, SettingError
from gan1010.patterns import PATTERN
from gan1010.sweeps.grid import COMPILED_ONLY, MAX_MEMBERS, SETTINGS, SweepConfig
from service.api.schemas.common import AS_INTEGER, RequestModel
from service.api.schemas.training import PRESET, Defaults, Name, annotation_of, field_of, settings_that_are_set
from service.errors import InvalidInputError
from service.job import Job

DEFAULT_PRESET = "article"
SWEEP_ONLY_FIELDS = {
    "seed": 'a sweep has a range of seeds; send "seeds" beside base: 100, or {"start": 7, "count": 1}',
    "name": "the name belongs to the sweep; send it beside base and grid",
    "backend": COMPILED_ONLY,
}
BACKEND: Any = (Literal["compiled"], Field("compiled", description="only trainings have a choice"))
COMPILED = ("base", "backend", "compiled")  # is accepted, so that the config of a job can be a base


class SweepSettings(RequestModel):
    """Settings in the order of the request, which is the order of the grid's dimensions."""

    _names: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_order(cls, content: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        place = cls.__name__.removeprefix("Sweep").lower()
        for name, reason in SWEEP_ONLY_FIELDS.items():
            if isinstance(content, dict) and name in content and (place, name, content[name]) != COMPILED:
                raise InvalidInputError(f"{place}.{name}: {reason}", "body", place, name)
        settings = validate(content)
        if isinstance(content, dict):
            settings._names = tuple(content)
        return settings

    @property
    def values(self) -> dict[str, Any]:
        """The settings in the request, by name."""
        return {name: getattr(self, name) for name in self._names}


def _grid_field(name: str) -> Any:
    """Return a field for the values of one setting."""
    annotation = annotation_of(name)
    value = Annotated[annotation, Field(pattern=PATTERN)] if name == "pattern" else annotation
    # One error is enough in a list of a million values.
    values = Annotated[list[value], Field(min_length=1, max_length=MAX_MEMBERS, fail_fast=True)]  # type: ignore[valid-type]
    return values, Field(default=None, description=f"values of {name}")


SweepBase = create_model(
    "SweepBase",
    __base__=SweepSettings,
    __doc__="Settings that all members share; the preset supplies what is left out.",
    preset=PRESET,
    **{name: field_of(name) for name in SETTINGS},
    backend=BACKEND,
    defaults=(Defaults, {}),
)
SweepGrid = create_model(
    "SweepGrid",
    __base__=SweepSettings,
    __doc__="Values of the settings that vary: each combination is a cell. An empty grid has one cell.",
    **{name: _grid_field(name) for name in SETTINGS},
)


class Seeds(RequestModel):
    """A range of random seeds."""

    start: Annotated[int, Ge(0), Le(MAX_SEED), Field(description="the first"), AS_INTEGER] = 0
    count: Annotated[int, Ge(1), Le(MAX_MEMBERS), Field(description="how many"), AS_INTEGER]


def _to_range(seeds: Any) -> Any:
    return seeds if isinstance(seeds, dict | Seeds) else {"count": seeds}


class SweepRequest(RequestModel):
    """One GAN for each combination of the grid's values and each seed; at most 1,000,000 in all."""

    base: Annotated[SweepBase, Field(description="settings that all members share")] = SweepBase()  # type: ignore[valid-type]
    grid: Annotated[SweepGrid, Field(description="values to combine; one cell when left out")] = SweepGrid()  # type: ignore[valid-type]
    seeds: Annotated[
        Seeds,
        BeforeValidator(_to_range, json_schema_input_type=Annotated[int, Ge(1), Le(MAX_MEMBERS)] | Seeds),
        Field(description="how many from 0, or a range: each cell is trained with each seed"),
    ] = Seeds(count=100)
    name: Annotated[Name | None, Field(description="a name for people")] = None


class SweepOut(BaseModel):
    """The request that starts the same sweep again."""

    base: dict[str, Any]
    grid: dict[str, list[Any]]
    seeds: Seeds
    name: str | None

    @classmethod
    def of(cls, job: Job) -> "SweepOut":
        """Return a sweep's configuration; without its preset where that was removed or changed."""
        config, base = job.sweep_config, job.sweep_config.base
        preset = PRESETS.get(job.preset)
        if preset and preset.settings.keys() <= base.keys():
            own = {name: value for name, value in base.items() if (name, value) not in preset.settings.items()}
            base = own if preset.name == DEFAULT_PRESET else {"preset": preset.name} | own
        return cls(
            base=base,
            grid={name: list(values) for name, values in config.grid.items()},
            seeds=Seeds(start=config.first_seed, count=config.seeds),
            name=job.name,
        )


def fingerprint(request: SweepRequest, config: SweepConfig) -> str:
    """Return a digest that is equal for equivalent requests."""
    content = [request.name, request.base.preset, config.base, list(config.grid.items())]  # type: ignore[attr-defined]
    return hashlib.sha256(orjson.dumps([*content, config.first_seed, config.seeds])).hexdigest()


def to_sweep_config(request: SweepRequest) -> SweepConfig:
    """Return the requested sweep, or raise InvalidInputError if it is too large or contradicts itself."""
    base = settings_that_are_set(request.base.values)  # type: ignore[attr-defined]
    preset = PRESETS[base.pop("preset", DEFAULT_PRESET)]
    try:
        return SweepConfig(
            base=preset.settings | base,
            grid=request.grid.values,  # type: ignore[attr-defined]
            first_seed=request.seeds.start,
            seeds=request.seeds.count,
        )
    except SettingError as error:
        raise InvalidInputError(error.rule, "body", *error.field.split(".")) from None
