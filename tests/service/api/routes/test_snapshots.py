"""Looking back: every kept moment, as it was, and enough of it to draw it again."""

import io

import numpy as np
import pytest

from tests.support.clients import Client
from tests.support.contract import Json, content_type, start_running_job, train, wait_until

WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "latent_value": -0.25}


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"iterations": 300}, [0, 100, 200, 300]),
        ({"iterations": 250}, [0, 100, 200, 250]),
        ({"iterations": 99}, [0, 99]),
        ({"iterations": 1}, [0, 1]),
        ({"iterations": 5, "snapshot_every": 2}, [0, 2, 4, 5]),
        ({"iterations": 5, "snapshot_every": 10_000_000}, [0, 5]),
    ],
)
def test_moments_are_kept_from_the_start_to_the_end(shared_client: Client, settings: Json, kept: list[int]) -> None:
    snapshots = shared_client.get(f"/jobs/{train(shared_client, **settings)['id']}/snapshots").json()
    assert list(snapshots) == ["job_id", "iterations", "samples"]
    assert snapshots["iterations"] == kept
    assert [len(sample) for sample in snapshots["samples"]] == [4] * len(kept)


def forward(flat: list[float], shapes: dict[str, list[int]], inputs: np.ndarray) -> np.ndarray:
    """Linear, Sigmoid, Linear, Sigmoid, as a page would do it with nothing but the answer."""
    ends = np.cumsum([np.prod(shape) for shape in shapes.values()])
    w0, b0, w2, b2 = (
        part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes.values(), strict=True)
    )
    hidden = 1 / (1 + np.exp(-(inputs @ w0.T + b0)))
    return 1 / (1 + np.exp(-(hidden @ w2.T + b2)))


@pytest.mark.parametrize("settings", [{}, WIDE, {"latent": "normal", "loss": "bce", "iterations": 1000}])
def test_weights_redraw_every_moment(shared_client: Client, settings: Json) -> None:
    job = train(shared_client, **settings)
    path = f"/jobs/{job['id']}/snapshots"
    plain, full = shared_client.get(path).json(), shared_client.get(path, params={"weights": True}).json()
    weights = full.pop("weights")
    assert full == plain
    width, hidden = len(job["config"]["pattern"]), job["config"]["hidden_size"]
    assert weights["shapes"] == {
        "discriminator": {"0.weight": [hidden, width], "0.bias": [hidden], "2.weight": [1, hidden], "2.bias": [1]},
        "generator": {"0.weight": [hidden, 1], "0.bias": [hidden], "2.weight": [width, hidden], "2.bias": [width]},
    }
    assert len(weights["generator"]) == len(weights["discriminator"]) == len(full["iterations"])
    seed = np.array([[job["config"]["latent_value"]]])
    vectors = np.random.default_rng(1).random((5, width))
    for row, (iteration, sample) in enumerate(zip(full["iterations"], full["samples"], strict=True)):
        redrawn = forward(weights["generator"][row], weights["shapes"]["generator"], seed)[0]
        assert redrawn == pytest.approx(sample, abs=1e-6)
        if row % 10 == 0:
            body = {"vectors": vectors.tolist(), "job_id": job["id"], "iteration": iteration}
            scores = forward(weights["discriminator"][row], weights["shapes"]["discriminator"], vectors)[:, 0]
            assert scores == pytest.approx(shared_client.post("/score", json=body).json()["scores"], abs=1e-6)


def test_moments_of_a_running_job_are_there_to_see(client: Client) -> None:
    job = start_running_job(client, iterations=10_000_000, snapshot_every=1000, seed=6)
    first = client.get(f"/jobs/{job['id']}/snapshots").json()
    count = len(first["iterations"])
    path = f"/jobs/{job['id']}/snapshots"
    second = wait_until(lambda: client.get(path).json(), lambda now: len(now["iterations"]) > count)
    assert second["iterations"] == list(range(0, 1000 * len(second["iterations"]), 1000))
    assert count > 0
    assert second["samples"][:count] == first["samples"]


def test_discriminator_experiment_has_no_samples(shared_client: Client, discriminator_job: Json) -> None:
    snapshots = shared_client.get(f"/jobs/{discriminator_job['id']}/snapshots", params={"weights": True}).json()
    assert snapshots.keys() == {"job_id", "iterations", "weights"}
    assert snapshots["weights"].keys() == {"discriminator", "shapes"}
    assert snapshots["weights"]["shapes"].keys() == {"discriminator"}


@pytest.mark.parametrize("settings", [WIDE, {"experiment": "discriminator", "iterations": 200}])
def test_arrays_for_numpy_are_those_of_json(shared_client: Client, settings: Json) -> None:
    path = f"/jobs/{train(shared_client, seed=1, **settings)['id']}/snapshots"
    asked: Json = {"params": {"weights": True}, "headers": {"accept": "application/x-npz"}}
    answer = shared_client.get(path, **asked)
    assert content_type(answer) == "application/x-npz"
    told = shared_client.get(path, params={"weights": True}).json()
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found.pop("iterations").tolist() == told["iterations"]
    if "samples" in told:
        assert found.pop("samples").tolist() == np.array(told["samples"], np.float32).tolist()
    for name, shapes in told["weights"]["shapes"].items():
        tensors = [found.pop(f"{name}.{key}") for key in shapes]
        assert [tensor.shape[1:] for tensor in tensors] == [tuple(shape) for shape in shapes.values()]
        rows = np.concatenate([tensor.reshape(len(tensor), -1) for tensor in tensors], axis=1)
        assert rows.tolist() == np.array(told["weights"][name], np.float32).tolist()
    assert found == {}
    again = shared_client.get(
        path, params={"weights": True}, headers=asked["headers"] | {"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_arrays_without_weights(shared_client: Client, article_job: Json) -> None:
    answer = shared_client.get(f"/jobs/{article_job['id']}/snapshots", headers={"accept": "application/x-npz"})
    with np.load(io.BytesIO(answer.content)) as arrays:
        assert set(arrays) == {"iterations", "samples"}
        assert arrays["samples"].shape == (101, 4)
