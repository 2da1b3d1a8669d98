"""Trainings on the wire: `TrainConfig` as pydantic models, and the presets."""

import typing
from dataclasses import fields
from typing import Annotated, Any, Literal

from annotated_doc import Doc
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticUndefined

from gan1010 import PRESETS, TrainConfig
from gan1010.config import SettingError
from gan1010.patterns import PATTERN
from service.api.schemas.common import AS_INTEGER, RequestModel
from service.errors import InvalidInputError
from service.job import Job

FIELDS = {field.name: field for field in fields(TrainConfig)}
PRESET: Any = (Literal[tuple(PRESETS)], Field("article", description="source of the settings that are left out"))
Name = Annotated[str, Field(min_length=1, max_length=100, description="a name for people")]
Defaults = Annotated[
    dict[Literal["generator_learning_rate", "record_every", "snapshot_every"], int | float],
    Field(
        description="the settings of a returned config that were not set, with their values; posted again, each "
        "of them follows the other settings, unless its own value was changed"
    ),
]


def annotation_of(name: str) -> Any:
    """Return the annotation of a `TrainConfig` field with its bounds and documentation, for pydantic."""
    annotation = typing.get_type_hints(TrainConfig, include_extras=True)[name]
    is_integer = typing.get_type_hints(TrainConfig)[name] in (int, int | None)
    return Annotated[annotation, AS_INTEGER] if is_integer else annotation


def field_of(name: str, *, required: bool = False) -> Any:
    """Return the annotation and the `Field` of a setting; an optional `seed` may be null, to be drawn at random."""
    annotation = annotation_of(name)
    doc = next(mark.documentation for mark in annotation.__metadata__ if isinstance(mark, Doc))
    default = PydanticUndefined if required else None if name == "seed" else FIELDS[name].default
    return (
        annotation | None if name == "seed" and not required else annotation,
        Field(default, description=doc, pattern=PATTERN if name == "pattern" else None),
    )


TrainRequest = create_model(
    "TrainRequest",
    __base__=RequestModel,
    preset=PRESET,
    name=(Name | None, Field(None, description="a name for people")),
    **{name: field_of(name) for name in FIELDS},
    defaults=(Defaults, {}),
)
TrainConfigOut = create_model(
    "Config",
    preset=(str, ...),  # any string: presets of stored jobs may have been removed since
    name=(str | None, ...),
    **{name: field_of(name, required=True) for name in FIELDS},
    defaults=(Defaults, ...),
)


def settings_that_are_set(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out `defaults`, and the settings that still have the values in it."""
    defaults = settings.get("defaults", {})
    return {
        name: value
        for name, value in settings.items()
        if name != "defaults" and not (name in defaults and value == defaults[name])
    }


def to_config(request: BaseModel) -> TrainConfig:
    """Return the requested configuration, with a preset for what is left out, or raise InvalidInputError."""
    settings = settings_that_are_set(request.model_dump(exclude_unset=True, exclude={"preset", "name"}))
    if settings.get("seed", 0) is None:
        del settings["seed"]
    try:
        return PRESETS[request.preset].config(**settings)  # type: ignore[attr-defined]
    except SettingError as error:
        raise InvalidInputError(error.rule, "body", error.field) from None


def train_config_out(job: Job) -> Any:
    """Return the resolved configuration of a training; sent to `POST /train`, it trains the same weights."""
    config = job.train_config
    return TrainConfigOut(preset=job.preset, name=job.name, **vars(config.resolved), defaults=config.defaults)


class PresetOut(BaseModel):
    """A named configuration: the settings that differ from the defaults, and their measured behaviour."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    summary: str
    known: str
    settings: dict[str, Any]


class PresetList(BaseModel):
    """All presets."""

    data: list[PresetOut]


PRESET_LIST = PresetList.model_validate({"data": list(PRESETS.values())})
