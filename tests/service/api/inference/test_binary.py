"""Sampling and scoring in bulk: float32 numbers as bytes, both ways."""

import numpy as np
import pytest

from tests.support.clients import Client
from tests.support.contract import Json, check_problem, content_type, train
from tests.support.inference_protocol import VECTORS

BYTES = "application/octet-stream"
SENT, WANTED = {"content-type": BYTES}, {"accept": BYTES}
SEEDS = np.array([0.5, 0.25, -1], np.float32)


@pytest.fixture(scope="module")
def wide(shared_client: Client) -> Json:
    return train(shared_client, pattern="11010", seed=1)


@pytest.fixture(scope="module")
def newest(shared_client: Client, wide: Json) -> Json:
    return train(shared_client, seed=2)


@pytest.mark.parametrize("accept", [BYTES, "application/json", f"{BYTES};q=0.5, application/json", "*/*"])
def test_scores_are_those_of_json(shared_client: Client, newest: Json, accept: str) -> None:
    expected = shared_client.post("/score", json={"vectors": VECTORS.tolist()}).json()
    answer = shared_client.post("/score", content=VECTORS.tobytes(), headers=SENT | {"accept": accept})
    if accept == BYTES:
        assert content_type(answer) == BYTES
        assert np.frombuffer(answer.content, "<f4").tolist() == np.array(expected["scores"], np.float32).tolist()
        assert (answer.headers["job-id"], answer.headers["iteration"]) == (newest["id"], "10000")
    else:
        assert answer.json() == expected


def test_samples_are_those_of_json(shared_client: Client, newest: Json) -> None:
    expected = shared_client.post("/sample", json={"seeds": SEEDS.tolist()}).json()
    assert shared_client.post("/sample", content=SEEDS.tobytes(), headers=SENT).json() == expected
    for answer in (
        shared_client.post("/sample", content=SEEDS.tobytes(), headers=SENT | WANTED),
        shared_client.post("/sample", json={"seeds": SEEDS.tolist()}, headers=WANTED),
        shared_client.get("/sample", params={"seed": SEEDS.tolist()}, headers=WANTED),
    ):
        assert content_type(answer) == BYTES
        samples = np.frombuffer(answer.content, "<f4").reshape(3, 4)
        assert samples.tolist() == np.array(expected["samples"], np.float32).tolist()


def test_any_job_at_any_moment(shared_client: Client, wide: Json, newest: Json) -> None:
    rows, asked = np.random.default_rng(1).random((50_000, 5), np.float32), {"job_id": wide["id"], "iteration": 5000}
    expected = shared_client.post("/score", json={"vectors": rows.tolist(), **asked}).json()["scores"]
    answer = shared_client.post("/score", content=rows.tobytes(), params=asked, headers=SENT | WANTED)
    assert np.frombuffer(answer.content, "<f4").tolist() == np.array(expected, np.float32).tolist()
    assert answer.headers["iteration"] == "5000"


@pytest.mark.parametrize("size", [0, 1, 15, 17, 20, 16 * 100_001])
def test_bytes_that_are_no_rows(shared_client: Client, newest: Json, size: int) -> None:
    check_problem(shared_client.post("/score", content=b"\0" * size, headers=SENT), 422, "invalid-input")


def test_numbers_that_are_not_finite(shared_client: Client, newest: Json) -> None:
    for number in (np.nan, np.inf):
        values = np.full(4, number, np.float32).tobytes()
        for path in ("/score", "/sample"):
            check_problem(shared_client.post(path, content=values, headers=SENT), 422, "invalid-input")


def test_query_that_cannot_be(shared_client: Client, newest: Json) -> None:
    for query, status in (("iteration=x", 422), ("iteration=-1", 422), ("iteration=3", 422), ("job_id=none", 404)):
        check_problem(shared_client.post(f"/score?{query}", content=VECTORS.tobytes(), headers=SENT), status)
    check_problem(shared_client.post(f"/score?job_id={'x' * 65}", content=VECTORS.tobytes(), headers=SENT), 422)


def test_other_types_are_refused_as_ever(shared_client: Client, newest: Json) -> None:
    for kind in ("text/plain", "application/octet", ""):
        check_problem(shared_client.post("/score", content=VECTORS.tobytes(), headers={"content-type": kind}), 415)
