"""Inference requests and responses of the Open Inference Protocol, encoded and decoded as a client does."""

import json
from typing import Any

import httpx
import numpy as np

from tests.support.contract import MAX_PROBLEM_BYTES, Json

INFER_PATH = "/v2/models/discriminator/infer"
JSON_LENGTH = "Inference-Header-Content-Length"
VECTORS = np.array([[0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]], np.float32)


def json_tensor(rows: np.ndarray = VECTORS, name: str = "vector", **changes: Any) -> Json:
    """Make an input with its numbers in the JSON."""
    return {"name": name, "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()} | changes


def binary_tensor(rows: np.ndarray = VECTORS, name: str = "vector", **changes: Any) -> Json:
    """Make an input whose bytes follow the JSON."""
    shape, parameters = list(rows.shape), {"binary_data_size": rows.nbytes}
    return {"name": name, "shape": shape, "datatype": "FP32", "parameters": parameters} | changes


def post_infer(
    client: httpx.Client, content: Json, values: bytes = b"", path: str = INFER_PATH, **headers: str
) -> httpx.Response:
    """Post an inference request whose JSON is followed by `values`."""
    text = json.dumps(content).encode()
    length = {JSON_LENGTH: str(len(text))} if values else {}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=text + values, headers=length | more)


def read_output(response: httpx.Response) -> np.ndarray:
    """Decode the only output of an inference response, JSON or binary."""
    assert response.status_code == 200, response.text
    length = int(response.headers.get(JSON_LENGTH, len(response.content)))
    (output,) = json.loads(response.content[:length])["outputs"]
    values = response.content[length:]
    if values:
        assert output["parameters"] == {"binary_data_size": len(values)}
        assert "data" not in output
        return np.frombuffer(values, "<f4").reshape(output["shape"])
    return np.array(output["data"], np.float32).reshape(output["shape"])


def scores(client: httpx.Client, vectors: np.ndarray = VECTORS) -> list[list[float]]:
    """Return the scores of `/score` as the output of an inference has them."""
    response = client.post("/score", json={"vectors": vectors.tolist()})
    return np.array(response.json()["scores"], np.float32).reshape(-1, 1).tolist()


def check_v2_error(response: httpx.Response, status: int, type: str | None = None) -> Json:
    """Check an error for clients of the protocol, which is also a problem, and return its content."""
    assert response.status_code == status, (response.status_code, response.text)
    assert response.headers["content-type"] == "application/json"
    assert len(response.content) <= MAX_PROBLEM_BYTES
    content: Json = response.json()
    assert content["error"] == f"{content['title']}: {content['detail']}"
    assert content["status"] == status
    assert type is None or content["type"] == f"/problems/{type}"
    assert "Traceback" not in response.text
    return content
