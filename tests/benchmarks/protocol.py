"""How fast the Open Inference Protocol answers: bytes beside our own JSON, and one row beside MLServer."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import orjson

from tests.benchmarks import servers
from tests.benchmarks.load import Connection, hammer_elsewhere, request
from tests.benchmarks.rows import Row, ratio, side_by_side
from tests.benchmarks.servers import Server

ROWS = 10_000
INFER = "/v2/models/discriminator/infer"
MLSERVER = os.environ.get("GAN1010_MLSERVER_PYTHON", "")  # that has mlserver and onnxruntime: it wants other versions


def protocol(quick: bool, service: Server) -> Iterator[Row]:
    """Both comparisons; the service has a model."""
    yield _bytes_beside_json(quick, service)
    if not MLSERVER:
        yield Row(
            what="infer, one row", ours="not measured", other="GAN1010_MLSERVER_PYTHON names no Python with MLServer"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        with closing(Connection(service.port)) as connection:
            _, models = connection.ask(request("GET", "/models?limit=1"))
            job_id = orjson.loads(models)["data"][0]["job_id"]
            _, network = connection.ask(request("GET", f"/models/{job_id}/discriminator.onnx"))
        with servers.mlserver(Path(MLSERVER), Path(folder), network) as other:
            yield _one_row(quick, service, other)


def _bytes_beside_json(quick: bool, service: Server) -> Row:
    vectors = np.random.default_rng(1).random((ROWS, 4), np.float32)
    infer, score = _binary_request(vectors), request("POST", "/score", {"vectors": vectors})
    ours, other = _rates(quick, 100, (service, infer), (service, score))
    times = ratio(ours, other)
    return Row(
        what=f"infer, {ROWS:,} vectors as bytes",
        ours=f"{median(ours) * ROWS:,.0f} rows/s",
        other=f"{median(other) * ROWS:,.0f}, /score in JSON",
        ratio=f"{times:.1f}",
        target=">= 3",
        met=times >= 3,
    )


def _one_row(quick: bool, service: Server, other: Server) -> Row:
    tensor = {"name": "vector", "shape": [1, 4], "datatype": "FP32", "data": [0.9, 0.1, 0.9, 0.1]}
    message = request("POST", INFER, {"inputs": [tensor]})
    ours, theirs = _rates(quick, 1000, (service, message), (other, message))
    times = ratio(ours, theirs)
    return Row(
        what="infer, one row",
        ours=f"{median(ours):,.0f} requests/s",
        other=f"{median(theirs):,.0f}, MLServer, the same network in onnxruntime, no worker processes",
        ratio=f"{times:.1f}",
        target=">= 2.5",
        met=times >= 2.5,
    )


def _rates(quick: bool, count: int, *asked: tuple[Server, bytes]) -> list[list[float]]:
    """Answers per second of each, side by side."""
    measures = [partial(_rate, server, message, count) for server, message in asked]
    side_by_side(1, *measures)  # warm
    return [list(rates) for rates in side_by_side(3 if quick else 15, *measures)]


def _rate(server: Server, message: bytes, count: int) -> float:
    load = hammer_elsewhere(server.port, message, count)
    if load.errors:
        raise RuntimeError(f"answers other than 200: {load.statuses}")
    return load.rate


def _binary_request(vectors: npt.NDArray[np.float32]) -> bytes:
    tensor = {"name": "vector", "shape": vectors.shape, "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": vectors.nbytes}
    text = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    head = f"POST {INFER} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text) + vectors.nbytes}\r\n"
    return f"{head}Inference-Header-Content-Length: {len(text)}\r\n\r\n".encode() + text + vectors.tobytes()
