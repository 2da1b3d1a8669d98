"""The settings of a training on the wire: `TrainConfig` as pydantic has it, and the crossing to it."""

import typing
from dataclasses import fields
from typing import Annotated, Any, Literal

from annotated_doc import Doc
from pydantic import BaseModel, Field, create_model
from pydantic_core import PydanticUndefined

from gan1010 import PRESETS, TrainConfig
from gan1010.config import PATTERN, SettingError
from service.api.schemas.common import AS_INTEGER, RequestModel
from service.errors import InvalidInputError
from service.job import Job

PresetName: Any = Literal[tuple(PRESETS)]


def type_of(name: str) -> Any:
    """The type of a field of `TrainConfig` on the wire, with its bounds and its documentation."""
    hint = typing.get_type_hints(TrainConfig, include_extras=True)[name]
    return Annotated[hint, AS_INTEGER] if typing.get_type_hints(TrainConfig)[name] in (int, int | None) else hint


def setting(name: str, *, resolved: bool) -> Any:
    """A field of `TrainConfig` as pydantic has it: its type and bounds, its documentation, its default."""
    hint = type_of(name)
    (field,) = (field for field in fields(TrainConfig) if field.name == name)
    doc = next(mark.documentation for mark in hint.__metadata__ if isinstance(mark, Doc))
    default = PydanticUndefined if resolved else None if name == "seed" else field.default
    optional = name == "seed" and not resolved
    return (
        hint | None if optional else hint,
        Field(default, description=doc, pattern=PATTERN if name == "pattern" else None),
    )


SETTINGS = [field.name for field in fields(TrainConfig)]
PRESET: Any = (PresetName, Field("article", description="where the settings that are not given come from"))
Name = Annotated[str, Field(min_length=1, max_length=100, description="a name for people")]

TrainRequest = create_model(
    "TrainRequest",
    __base__=RequestModel,
    preset=PRESET,
    name=(Name | None, Field(None, description="a name for people")),
    **{name: setting(name, resolved=False) for name in SETTINGS},
)
TrainConfigOut = create_model(
    "Config",
    preset=(PresetName, ...),
    name=(str | None, ...),
    **{name: setting(name, resolved=True) for name in SETTINGS},
)


def to_config(request: BaseModel) -> TrainConfig:
    """The configuration that a request asks for: what it gives, the preset's for what it does not.

    Raises:
        InvalidInputError: two settings do not go together.
    """
    given = request.model_dump(exclude_unset=True, exclude={"preset", "name"})
    if given.get("seed", 0) is None:
        del given["seed"]
    try:
        return PRESETS[request.preset].config(**given)  # type: ignore[attr-defined]
    except SettingError as error:
        raise InvalidInputError(error.rule, "body", error.field) from None


def train_config_out(job: Job) -> Any:
    """Return a training's configuration as clients see it; as the body of `POST /train` it trains the same weights."""
    return TrainConfigOut(preset=job.preset, name=job.name, **vars(job.train_config))
