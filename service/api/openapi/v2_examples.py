"""Examples of the Open Inference Protocol's schemas for `/openapi.json`, made with a real model."""

from typing import Any

from gan1010 import Model
from service.api.inference.v2_metadata import SERVER_METADATA, describe_model, tensor_specs
from service.api.inference.v2_tensors import DATATYPE
from service.api.v2_models import GENERATOR, MODEL_NAMES

LATENTS = [0.5, 0.7]


def v2_examples(model: Model, job_id: str) -> dict[str, Any]:
    """Return an example of each schema by its name."""
    spec, output_spec = tensor_specs(GENERATOR, model)
    latents = {"name": spec.name, "shape": [len(LATENTS), spec.width], "datatype": DATATYPE, "data": LATENTS}
    outputs = {"data": model.sample(LATENTS).reshape(-1), "shape": [len(LATENTS), output_spec.width]}
    samples = latents | outputs | {"name": output_spec.name}
    return {
        "InferRequest": {"id": "42", "inputs": [latents]},
        "InferAnswer": {"model_name": GENERATOR, "model_version": job_id, "id": "42", "outputs": [samples]},
        "ServerMetadata": SERVER_METADATA,
        "ServerHealth": {"live": True, "ready": True},
        "ModelNames": {"models": MODEL_NAMES},
        "ModelMetadata": describe_model(GENERATOR, model, [job_id]),
        "ModelReady": {"name": GENERATOR, "ready": True},
        "RepositoryRequest": {"ready": True},
        "IndexEntry": [{"name": GENERATOR, "version": job_id, "state": "READY", "reason": ""}],
    }
