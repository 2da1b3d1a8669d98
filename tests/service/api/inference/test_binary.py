"""Binary sampling and scoring: float32 numbers as bytes, both ways."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.clients import Client
from tests.support.contract import Json, check_problem, content_type, train
from tests.support.inference_protocol import VECTORS

BINARY = "application/octet-stream"
ACCEPT = {"accept": BINARY}
SEEDS = np.array([0.5, 0.25, -1], np.float32)
NOT_FINITE = np.nan, np.inf


@pytest.fixture(scope="module")
def wide(shared_client: Client) -> Json:
    return train(shared_client, pattern="11010", seed=1)


@pytest.fixture(scope="module")
def newest(shared_client: Client, wide: Json) -> Json:
    return train(shared_client, seed=2)


def post_binary(
    client: Client, path: str, content: bytes, accept: str = "*/*", kind: str = BINARY, **query: Any
) -> httpx.Response:
    return client.post(path, content=content, headers={"content-type": kind, "accept": accept}, params=query)


@pytest.mark.parametrize("accept", [BINARY, "application/json", f"{BINARY};q=0.5, application/json", "*/*"])
def test_scores_are_those_of_json(shared_client: Client, newest: Json, accept: str) -> None:
    expected = shared_client.post("/score", json={"vectors": VECTORS.tolist()}).json()
    response = post_binary(shared_client, "/score", VECTORS.tobytes(), accept)
    if accept == BINARY:
        assert content_type(response) == BINARY
        assert np.frombuffer(response.content, "<f4").tolist() == np.array(expected["scores"], np.float32).tolist()
        assert (response.headers["job-id"], response.headers["iteration"]) == (newest["id"], "10000")
    else:
        assert response.json() == expected


def test_samples_are_those_of_json(shared_client: Client, newest: Json) -> None:
    expected = shared_client.post("/sample", json={"seeds": SEEDS.tolist()}).json()
    assert post_binary(shared_client, "/sample", SEEDS.tobytes()).json() == expected
    for response in (
        post_binary(shared_client, "/sample", SEEDS.tobytes(), BINARY),
        shared_client.post("/sample", json={"seeds": SEEDS.tolist()}, headers=ACCEPT),
        shared_client.get("/sample", params={"seed": SEEDS.tolist()}, headers=ACCEPT),
    ):
        assert content_type(response) == BINARY
        samples = np.frombuffer(response.content, "<f4").reshape(3, 4)
        assert samples.tolist() == np.array(expected["samples"], np.float32).tolist()


def test_query_names_the_job_and_the_snapshot(shared_client: Client, wide: Json, newest: Json) -> None:
    rows, query = np.random.default_rng(1).random((50_000, 5), np.float32), {"job_id": wide["id"], "iteration": 5000}
    expected = shared_client.post("/score", json={"vectors": rows.tolist(), **query}).json()["scores"]
    response = post_binary(shared_client, "/score", rows.tobytes(), BINARY, **query)
    assert np.frombuffer(response.content, "<f4").tolist() == np.array(expected, np.float32).tolist()
    assert response.headers["iteration"] == "5000"


@pytest.mark.parametrize(
    ("path", "content", "change", "status"),
    [
        *(("/score", bytes(size), {}, 422) for size in (0, 1, 15, 17, 20, 16 * 100_001)),
        *((path, np.float32([0, 0, 0, it]).tobytes(), {}, 422) for path in ("/score", "/sample") for it in NOT_FINITE),
        *(("/score", VECTORS.tobytes(), {"iteration": value}, 422) for value in ("x", -1, 3)),
        ("/score", VECTORS.tobytes(), {"job_id": "none"}, 404),
        ("/score", VECTORS.tobytes(), {"job_id": "x" * 65}, 422),
        *(("/score", VECTORS.tobytes(), {"kind": kind}, 415) for kind in ("text/plain", "application/octet", "")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_request_is_refused(
    shared_client: Client, newest: Json, path: str, content: bytes, change: Json, status: int
) -> None:
    check_problem(post_binary(shared_client, path, content, **change), status)
