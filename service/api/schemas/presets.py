"""Presets on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from gan1010 import PRESETS


class PresetOut(BaseModel):
    """A named configuration: the settings that differ from the defaults, and what they are known to do."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    summary: str
    known: str
    settings: dict[str, Any]


class PresetList(BaseModel):
    """All presets."""

    data: list[PresetOut]


PRESET_LIST = PresetList(data=TypeAdapter(list[PresetOut]).validate_python(list(PRESETS.values())))
