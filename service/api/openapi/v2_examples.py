"""Examples of the Open Inference Protocol's shapes, for `/openapi.json`: a real model's answers."""

from typing import Any

from gan1010 import Model
from service.api.inference.v2_metadata import SERVER, metadata_of, tensors_of
from service.api.inference.v2_tensors import DATATYPE
from service.api.v2_models import GENERATOR, NAMES

SEEDS = [0.5, 0.7]


def v2_examples(model: Model, job_id: str) -> dict[str, Any]:
    """An example of each shape, by its name."""
    takes, answers = tensors_of(GENERATOR, model)
    seeds: dict[str, Any] = {
        "name": takes.name,
        "shape": [len(SEEDS), takes.width],
        "datatype": DATATYPE,
        "data": SEEDS,
    }
    samples = {**seeds, "name": answers.name, "shape": [len(SEEDS), answers.width]}
    samples["data"] = model.sample(SEEDS).reshape(-1)
    return {
        "InferRequest": {"id": "42", "inputs": [seeds]},
        "InferAnswer": {"model_name": GENERATOR, "model_version": job_id, "id": "42", "outputs": [samples]},
        "ServerMetadata": SERVER,
        "ServerHealth": {"live": True, "ready": True},
        "ModelNames": {"models": NAMES},
        "ModelMetadata": metadata_of(GENERATOR, model, [job_id]),
        "ModelReady": {"name": GENERATOR, "ready": True},
        "RepositoryRequest": {"ready": True},
        "IndexEntry": [{"name": GENERATOR, "version": job_id, "state": "READY", "reason": ""}],
    }
