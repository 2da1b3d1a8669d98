"""Presets on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from gan1010 import PRESETS


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
