"""Random input: every request gets a response, and none an internal error."""

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan1010 import PRESETS
from tests.support.clients import Client, app_client
from tests.support.contract import SETTING_FIELDS, SHORT_JOB, check_problem, start_running_job, train

NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([0, 1, 5, 0.5, 2**53, 2**63, 2**64, -(2**63) - 1, 1e39, 10**400])
)
TEXTS = st.text(st.characters(), max_size=20) | st.sampled_from(
    [*PRESETS, "gan", "discriminator", "mse", "bce", "sgd", "adam", "normal", "uniform", "1010", "0" * 16]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
FIELDS = sorted(SETTING_FIELDS | {"seeds", "vectors", "job_id", "iteration"})
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)
LIKELY = st.fixed_dictionaries({}, optional={
    "seeds": st.lists(NUMBERS, max_size=5),
    "vectors": st.lists(st.lists(NUMBERS, min_size=3, max_size=5), max_size=3),
    **dict.fromkeys(["iteration", "iterations", "record_every", "latent_value"], NUMBERS),
})  # fmt: skip
SWEEPS = st.fixed_dictionaries({}, optional={
    "base": OBJECTS,
    "grid": st.dictionaries(st.sampled_from(FIELDS), st.lists(NUMBERS | TEXTS, max_size=4) | VALUES, max_size=3),
    "seeds": NUMBERS | st.dictionaries(st.sampled_from(["start", "count"]), NUMBERS),
})  # fmt: skip
PATHS = [
    "/jobs", "/jobs/{id}", "/jobs/{id}/progress", "/jobs/{id}/snapshots", "/models", "/models/{id}/{file}", "/sample",
    "/sweeps/{sweep}/results", "/sweeps/{sweep}/members", "/sweeps/{sweep}/plots/{file}",
    "/sweeps/{sweep}/plots/heatmap.svg", "/presets", "/healthz", "/readyz",
]  # fmt: skip
PARAMETERS = [
    "wait", "limit", "after", "status", "kind", "max_points", "view", "weights", "seed", "job_id", "iteration", "cell",
    "in_range", "x", "y", "value",
]  # fmt: skip


@pytest.fixture(scope="module")
def busy_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with a model, a sweep and a busy worker: accepted jobs wait, until the queue is full."""
    with app_client(tmp_path_factory.mktemp("busy"), workers=1, queue_size=20) as client:
        train(client, **SHORT_JOB)
        sweep = {"base": {"iterations": 10}, "grid": {"loss": ["bce"]}, "seeds": 9}
        client.post("/sweeps", params={"wait": 9}, json=sweep)
        start_running_job(client)
        yield client


def check_response(response: httpx.Response) -> None:
    assert response.status_code < 500
    if response.is_error:
        check_problem(response, response.status_code)


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in encode(text))


@pytest.mark.parametrize("path", ["/train", "/sweeps", "/sample", "/score", "/jobs/none/cancel"])
@given(
    content=(OBJECTS | LIKELY | SWEEPS | VALUES).map(json.dumps).map(encode) | st.binary(max_size=40),
    kind=st.sampled_from([*["application/json"] * 4, "text/plain", "\xff", ""]),
)
@settings(max_examples=120)
def test_any_body_is_answered(busy_client: Client, path: str, content: bytes, kind: str) -> None:
    check_response(busy_client.post(path, content=content, headers=[(b"content-type", kind.encode("latin-1"))]))


@given(
    path=st.sampled_from(PATHS),
    file=TEXTS,
    parameters=st.lists(st.tuples(st.sampled_from(PARAMETERS), TEXTS | NUMBERS.map(repr)), max_size=4),
    etag=TEXTS,
)
@settings(max_examples=200)
def test_any_parameters_are_answered(
    busy_client: Client, path: str, file: str, parameters: list[tuple[str, str]], etag: str
) -> None:
    job, sweep = (
        busy_client.get("/jobs", params={"status": "succeeded", "kind": kind}).json()["data"][0]["id"]
        for kind in ("train", "sweep")
    )
    path = path.format(id=job, sweep=sweep, file=quoted(file) or "x")
    query = "&".join(f"{name}={quoted(value)}" for name, value in parameters)
    check_response(busy_client.get(f"{path}?{query}", headers=[(b"if-none-match", encode(etag).strip())]))
