"""Open Inference Protocol: binary bodies compared with JSON, and one row compared with MLServer."""

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
from tests.benchmarks.load import Connection, request, send_load_in_subprocess
from tests.benchmarks.rows import Row, measure_alternately, ratio
from tests.benchmarks.servers import Server

ROWS = 10_000
INFER = "/v2/models/discriminator/infer"
# A Python that has mlserver and onnxruntime, in versions of their own. The variable leaves the environment, since the
# service does not start with a variable of its prefix that is none of its settings.
MLSERVER = os.environ.pop("TEST_MLSERVER_PYTHON", "")


def protocol(quick: bool, service: Server) -> Iterator[Row]:
    """Measure both comparisons. The service must have a model."""
    yield from _bytes_and_json(quick, service)
    if not MLSERVER:
        yield Row(
            name="infer, one row",
            measured="not measured",
            baseline="TEST_MLSERVER_PYTHON names no Python with MLServer",
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        with closing(Connection(service.port)) as connection:
            _, models = connection.fetch(request("GET", "/models?limit=1"))
            job_id = orjson.loads(models)["data"][0]["job_id"]
            _, network = connection.fetch(request("GET", f"/models/{job_id}/discriminator.onnx"))
        with servers.mlserver(Path(MLSERVER), Path(folder), network) as mlserver:
            yield _one_row(quick, service, mlserver)


def _bytes_and_json(quick: bool, service: Server) -> Iterator[Row]:
    vectors = np.random.default_rng(1).random((ROWS, 4), np.float32)
    ways = {"infer": _binary_request(vectors), "/score": _raw_request(vectors)}
    json = request("POST", "/score", {"vectors": vectors})
    *all_measured, baseline = _rates(quick, 100, *((service, message) for message in (*ways.values(), json)))
    for name, measured in zip(ways, all_measured, strict=True):
        times, rate = ratio(measured, baseline), median(measured) * ROWS
        yield Row(
            name=f"{name}, {ROWS:,} vectors as bytes",
            measured=f"{rate:,.0f} rows/s",
            baseline=f"{median(baseline) * ROWS:,.0f}, /score in JSON",
            ratio=f"{times:.1f}",
            target=">= 3" if name == "infer" else ">= 20,000,000 rows/s",
            is_met=times >= 3 if name == "infer" else rate >= 20_000_000,
        )


def _one_row(quick: bool, service: Server, mlserver: Server) -> Row:
    tensor = {"name": "vector", "shape": [1, 4], "datatype": "FP32", "data": [0.9, 0.1, 0.9, 0.1]}
    message = request("POST", INFER, {"inputs": [tensor]})
    measured, baseline = _rates(quick, 1000, (service, message), (mlserver, message))
    times = ratio(measured, baseline)
    return Row(
        name="infer, one row",
        measured=f"{median(measured):,.0f} requests/s",
        baseline=f"{median(baseline):,.0f}, MLServer, the same network in onnxruntime, no worker processes",
        ratio=f"{times:.1f}",
        target=">= 4",
        is_met=times >= 4,
    )


def _rates(quick: bool, count: int, *requests: tuple[Server, bytes]) -> list[list[float]]:
    """Measure the responses per second of each server."""
    measures = [partial(_rate, server, message, count) for server, message in requests]
    measure_alternately(1, *measures)  # warm up
    return [list(rates) for rates in measure_alternately(3 if quick else 15, *measures)]


def _rate(server: Server, message: bytes, count: int) -> float:
    load = send_load_in_subprocess(server.port, message, count)
    if load.errors:
        raise RuntimeError(f"responses other than 200: {load.statuses}")
    return load.rate


def _raw_request(vectors: npt.NDArray[np.float32]) -> bytes:
    head = f"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {vectors.nbytes}\r\n"
    kinds = "Content-Type: application/octet-stream\r\nAccept: application/octet-stream\r\n\r\n"
    return f"{head}{kinds}".encode() + vectors.tobytes()


def _binary_request(vectors: npt.NDArray[np.float32]) -> bytes:
    tensor = {"name": "vector", "shape": vectors.shape, "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": vectors.nbytes}
    text = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    head = f"POST {INFER} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text) + vectors.nbytes}\r\n"
    return f"{head}Inference-Header-Content-Length: {len(text)}\r\n\r\n".encode() + text + vectors.tobytes()
