"""The Open Inference Protocol's bodies, as a client makes them and reads them."""

import json
from typing import Any

import httpx
import numpy as np

from tests.support.contract import Json

INFER_PATH = "/v2/models/discriminator/infer"
JSON_LENGTH = "Inference-Header-Content-Length"
VECTORS = np.array([[0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]], np.float32)


def json_tensor(rows: np.ndarray = VECTORS, name: str = "vector", **changes: Any) -> Json:
    """An input whose numbers stand in the JSON."""
    return {"name": name, "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()} | changes


def binary_tensor(rows: np.ndarray = VECTORS, name: str = "vector", **changes: Any) -> Json:
    """An input whose numbers follow the JSON."""
    shape, parameters = list(rows.shape), {"binary_data_size": rows.nbytes}
    return {"name": name, "shape": shape, "datatype": "FP32", "parameters": parameters} | changes


def post_infer(
    client: httpx.Client, content: Json, values: bytes = b"", path: str = INFER_PATH, **headers: str
) -> httpx.Response:
    """A request with bytes behind its JSON; its headers are right but for those that are given."""
    text = json.dumps(content).encode()
    length = {JSON_LENGTH: str(len(text))} if values else {}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=text + values, headers=length | given)


def read_output(answer: httpx.Response) -> np.ndarray:
    """The one output of an answer, wherever its numbers are."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers.get(JSON_LENGTH, len(answer.content)))
    (output,) = json.loads(answer.content[:length])["outputs"]
    values = answer.content[length:]
    if values:
        assert output["parameters"] == {"binary_data_size": len(values)}
        assert "data" not in output
        return np.frombuffer(values, "<f4").reshape(output["shape"])
    return np.array(output["data"], np.float32).reshape(output["shape"])


def check_v2_error(answer: httpx.Response, status: int, type: str | None = None) -> Json:
    """What went wrong, as clients of the protocol read it, and as those of problems do."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.content) <= 8 * 1024
    content: Json = answer.json()
    assert isinstance(content["error"], str)
    assert content["error"] == f"{content['title']}: {content['detail']}"
    assert content["status"] == status
    assert type is None or content["type"] == f"/problems/{type}"
    assert "Traceback" not in answer.text
    return content
