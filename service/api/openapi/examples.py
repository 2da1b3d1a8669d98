"""Examples for `/openapi.json`."""

from importlib.resources import files
from typing import Any

import orjson

from gan1010 import PRESETS
from gan1010.export.pytorch_script import pytorch_script
from service.api.inference.v2_infer import SERVER_METADATA
from service.api.schemas.training import PRESET_LIST


def load_examples() -> dict[str, Any]:
    """Return an example of each schema and media type, by name: of a run with seed 1010 and of a small sweep."""
    examples: dict[str, Any] = orjson.loads(files(__package__).joinpath("examples.json").read_bytes())
    events = {"progress": examples["ProgressOut"], "end": examples["JobOut"]}
    return examples | {
        "JobPage": {"data": [examples["JobOut"]], "has_more": False, "next": None},
        "PresetList": PRESET_LIST.model_dump(mode="json"),
        "ServerMetadata": SERVER_METADATA,
        "text/event-stream": "".join(
            f"event: {name}\ndata: {orjson.dumps(data).decode()}\nid: 10000\n\n" for name, data in events.items()
        ),
        "text/x-python": pytorch_script(PRESETS["article"].config(seed=1010)),
    }
