"""Sweeps: results by cell and by member, validation and limits."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from gan1010 import PRESETS, TrainConfig
from gan1010 import train as train_here
from service.api import responses
from service.api.responses import NPZ
from service.api.schemas.sweep_results import NO_MEMBERS
from service.jobs import sweep_runs
from tests.support.clients import Client, app_client, running_server
from tests.support.contract import (
    JOB_FIELDS,
    RESULT_FIELDS,
    Json,
    check_problem,
    content_type,
    read_pages,
    run_sweep,
    train,
    wait_until,
)

GRID = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1, 0.3]}
BASE = {"iterations": 500, "record_every": 5}
CELL = [
    "cell", "config", "count", "bits_rate", "in_range_rate", "settled_at", "discriminator_real_loss",
    "discriminator_fake_loss", "generator_loss", "covers_all_rate", "covered", "quality", "diversity",
]  # fmt: skip
ENDLESS_SWEEP = {"base": {"iterations": 10_000_000, "hidden_size": 16}, "seeds": 1000}


@pytest.fixture(scope="module")
def done(shared_client: Client) -> Json:
    """A finished sweep that no test changes."""
    return run_sweep(shared_client, base=BASE, grid=GRID, seeds={"start": 7, "count": 4}, name="rates")


def members_of(client: Client, job: Json, **parameters: Any) -> list[Json]:
    return read_pages(client, f"/sweeps/{job['id']}/members", **parameters)


def test_sweep_is_a_job(shared_client: Client, done: Json) -> None:
    assert done.keys() == JOB_FIELDS
    assert (done["kind"], done["status"], done["name"]) == ("sweep", "succeeded", "rates")
    assert (done["iteration"], done["iterations"], done["result"], done["error"]) == (24, 24, None, None)
    assert done["config"] == {"base": BASE, "grid": GRID, "seeds": {"start": 7, "count": 4}, "name": "rates"}
    assert list(done["config"]["grid"]) == list(GRID)
    assert [transition["status"] for transition in done["transitions"]] == ["queued", "running", "succeeded"]
    assert shared_client.get(f"/jobs/{done['id']}").json() == done
    assert done in shared_client.get("/jobs", params={"kind": "sweep"}).json()["data"]
    assert done not in shared_client.get("/jobs", params={"kind": "train"}).json()["data"]


def test_results_equal_those_of_single_trainings(shared_client: Client, done: Json) -> None:
    response = shared_client.get(f"/sweeps/{done['id']}/results").json()
    assert response | {"data": []} == {
        "job_id": done["id"], "status": "succeeded", "data": [], "has_more": False, "next": None,
    }  # fmt: skip
    expected = [{"loss": loss, "learning_rate": rate} for loss in GRID["loss"] for rate in GRID["learning_rate"]]
    assert [cell["config"] for cell in response["data"]] == expected
    for number, cell in enumerate(response["data"]):
        assert list(cell) == CELL
        runs = [train_here(TrainConfig(**BASE | cell["config"], seed=seed)).result for seed in range(7, 11)]
        assert (cell["cell"], cell["count"]) == (number, 4)
        assert cell["bits_rate"] == sum(run.bits == "1010" for run in runs) / 4
        assert cell["in_range_rate"] == sum(bool(run.in_range) for run in runs) / 4
        assert cell["covered"] == cell["covers_all_rate"] == sum(run.covered or 0 for run in runs) / 4
        assert cell["quality"] == sum(run.quality or 0 for run in runs) / 4
        assert cell["generator_loss"] == pytest.approx(sum(run.generator_loss or 0 for run in runs) / 4)
        settled = sorted(run.settled_at for run in runs if run.settled_at)
        given = {name for name, at in cell["settled_at"].items() if at is not None}
        assert given == {name for name, least in (("p5", 1), ("p50", 2), ("p95", 4)) if len(settled) >= least}
        assert all(settled[0] <= cell["settled_at"][name] <= settled[-1] for name in given)


def test_csv_equals_json(shared_client: Client, done: Json) -> None:
    cells = shared_client.get(f"/sweeps/{done['id']}/results").json()["data"]
    response = shared_client.get(f"/sweeps/{done['id']}/results", headers={"accept": "text/csv"})
    assert content_type(response) == "text/csv"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert list(rows[0])[:4] == ["cell", "loss", "learning_rate", "count"]
    for cell, row in zip(cells, rows, strict=True):
        flat = {"cell": cell["cell"], **cell["config"], **{k: v for k, v in cell.items() if k not in CELL[:2]}}
        flat |= {f"settled_at_{name}": at for name, at in flat.pop("settled_at").items()}
        assert row == {name: "" if value is None else str(value) for name, value in flat.items()}


def test_csv_keeps_patterns_and_numbers(shared_client: Client) -> None:
    grid = {"pattern": ["0110", "110", "1" * 16], "learning_rate": [0.1, 1e-7, 0.30000000000000004]}
    job = run_sweep(shared_client, base={"iterations": 10}, grid=grid, seeds=1)
    response = shared_client.get(f"/sweeps/{job['id']}/results", headers={"accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(response.text)))
    read = [(json.loads(row["pattern"]), float(row["learning_rate"])) for row in rows]
    assert read == [(pattern, rate) for pattern in grid["pattern"] for rate in grid["learning_rate"]]
    assert {type(pattern) for pattern, _ in read} == {str}  # so no program takes it for a number


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 7])
def test_results_in_pages(shared_client: Client, done: Json, limit: int) -> None:
    url = f"/sweeps/{done['id']}/results"
    whole = shared_client.get(url).json()["data"]
    assert read_pages(shared_client, url, limit=limit) == whole
    links = shared_client.get(url, params={"limit": limit}, headers={"accept": "text/csv"}).links
    rest = shared_client.get(links["next"]["url"]).json()["data"] if links else []
    assert rest == whole[limit : 2 * limit]
    assert shared_client.get(url, params={"after": 99}).json()["data"] == []


def test_members_are_listed_with_their_results(shared_client: Client, done: Json) -> None:
    members = members_of(shared_client, done, limit=5)
    assert [member["index"] for member in members] == list(range(24))
    for member in members:
        assert member.keys() == {"index", "seed", "cell"} | RESULT_FIELDS
        assert member["cell"] == member["index"] // 4
        assert member["seed"] == 7 + member["index"] % 4
        assert len(member["sample"]) == 4


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_members_are_filtered(shared_client: Client, done: Json, limit: int) -> None:
    members = members_of(shared_client, done)
    inside = [member for member in members if member["in_range"]]
    assert 0 < len(inside) < 24
    assert members_of(shared_client, done, in_range=True, limit=limit) == inside
    assert members_of(shared_client, done, in_range=False, limit=limit) == [m for m in members if not m["in_range"]]
    assert members_of(shared_client, done, cell=5, limit=limit) == members[20:]
    assert members_of(shared_client, done, cell=5, in_range=True, limit=limit) == [m for m in inside if m["cell"] == 5]


MIXED_SWEEP: Json = {
    "base": {"iterations": 300, "latent": "normal"},
    "grid": {
        "hidden_size": [2, 3], "pattern": ["10", "0110"], "learning_rate": [0.05, 1e-7], "loss": ["mse", "bce"],
        "generator_learning_rate": [None, 0.1], "experiment": ["gan", "discriminator"],
    },
    "seeds": {"start": 5, "count": 2},
}  # fmt: skip
NUMBERS = ("index", "cell")
MISSING = {"in_range": False, "settled_at": -1}  # of a member without a generator, and of one that never settled
STREAMED_SWEEPS: list[Json] = [
    {"base": BASE, "grid": GRID, "seeds": 5},
    MIXED_SWEEP,
    {"base": {"iterations": 30, "preset": "discriminator-alone"}, "seeds": 3},
    {
        "base": {"iterations": 30, "latent": "normal"},
        "grid": {"pattern": ["10+01", "110"], "r1": [0.0, 1.0]},
        "seeds": 3,
    },
]


def stream_of(client: Client, job: Json, kind: str, **parameters: Any) -> bytes:
    url = f"/sweeps/{job['id']}/members"
    response = client.get(url, params=parameters, headers={"accept": kind, "accept-encoding": "identity"})
    assert (response.status_code, content_type(response)) == (200, kind)
    return response.content


def arrays_of(client: Client, job: Json, **parameters: Any) -> dict[str, Any]:
    return dict(np.load(io.BytesIO(stream_of(client, job, NPZ, **parameters))))


def csv_value(value: Any) -> str:
    if isinstance(value, str) and value.isdecimal():
        return f'"{value}"'
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()


@pytest.mark.parametrize("body", STREAMED_SWEEPS, ids=["one shape", "several shapes", "no generator", "patterns"])
def test_streamed_members_equal_those_in_pages(
    shared_client: Client, monkeypatch: pytest.MonkeyPatch, body: Json
) -> None:
    job = run_sweep(shared_client, **body)
    cells = shared_client.get(f"/sweeps/{job['id']}/results").json()["data"]
    members = members_of(shared_client, job)
    words = [pattern.split("+") for pattern in body.get("grid", {}).get("pattern", ["1010"])]
    widths = {"sample": max(len(word[0]) for word in words), "shares": max(map(len, words))}
    for member in members:
        rows = {name: member.pop(name) or [] for name in widths}
        member["rows"] = {name: row + [None] * (widths[name] - len(row)) for name, row in rows.items()}
        member["settings"] = cells[member["cell"]]["config"]
    text, arrays = stream_of(shared_client, job, "text/csv"), arrays_of(shared_client, job)
    for row, member in zip(csv.DictReader(io.StringIO(text.decode())), members, strict=True):
        samples = {f"sample_{place}": value for place, value in enumerate(member["rows"]["sample"])}
        figures = {name: value for name, value in member.items() if name not in ("rows", "settings", "seed", *NUMBERS)}
        shares = {f"share_{pattern}": value for pattern, value in enumerate(member["rows"]["shares"])}
        numbers = {name: member[name] for name in NUMBERS}
        expected = numbers | member["settings"] | {"seed": member["seed"]} | samples | figures | shares
        assert list(row.items()) == [(name, csv_value(value)) for name, value in expected.items()]
    names = [*NUMBERS, *cells[0]["config"], "seed"]
    assert list(arrays) == [*names, *(name for name in NO_MEMBERS.columns if name != "index")]
    for name, column in arrays.items():
        missing = MISSING.get(name, np.nan)
        if name in widths:
            rows_of = [member["rows"][name] for member in members]
            expected = [[np.nan if value is None else value for value in row] for row in rows_of]
            assert column.shape == (len(members), widths[name])
        elif name == "bits_right":
            patterns = [member["settings"].get("pattern", "1010").split("+") for member in members]
            expected = [member["bits"] in words for member, words in zip(members, patterns, strict=True)]
        else:
            values = [member["settings"].get(name, member.get(name)) for member in members]
            expected = [missing if value is None else value for value in values]
        np.testing.assert_array_equal(column, np.array(expected, column.dtype))
    monkeypatch.setattr(sweep_runs, "MEMBERS_PER_CHUNK", 7)
    for limit, value in (("ROWS_PER_PIECE", 2), ("BYTES_PER_READ", 64), ("BYTES_PER_PIECE", 10)):
        monkeypatch.setattr(responses, limit, value)
    assert stream_of(shared_client, job, "text/csv") == text
    for name, column in arrays_of(shared_client, job).items():
        assert (column.dtype, column.tobytes()) == (arrays[name].dtype, arrays[name].tobytes())


@pytest.mark.parametrize(
    "selection",
    [
        {"cell": 5}, {"in_range": True}, {"in_range": False}, {"cell": 5, "in_range": True}, {"after": 7},
        {"after": 23}, {"limit": 3}, {"limit": 5, "after": 4, "in_range": True},
    ],
    ids=str,
)  # fmt: skip
def test_streamed_members_are_selected(shared_client: Client, done: Json, selection: Json) -> None:
    members = shared_client.get(f"/sweeps/{done['id']}/members", params={"limit": 1000} | selection).json()["data"]
    index = [member["index"] for member in members]
    assert arrays_of(shared_client, done, **selection)["index"].tolist() == index
    rows = csv.DictReader(io.StringIO(stream_of(shared_client, done, "text/csv", **selection).decode()))
    assert [int(row["index"]) for row in rows] == index


def test_streams_of_a_sweep_without_members_have_their_columns(shared_client: Client, done: Json) -> None:
    text, arrays = stream_of(shared_client, done, "text/csv", after=99), arrays_of(shared_client, done, after=99)
    assert text.startswith(b"index,cell,loss,learning_rate,seed,sample_0,sample_1,sample_2,sample_3,bits,in_range,")
    assert text.count(b"\r\n") == 1
    assert {name: (column.dtype, column.shape[1:]) for name, column in arrays.items()} == {
        name: (column.dtype, column.shape[1:]) for name, column in arrays_of(shared_client, done).items()
    }
    assert {len(column) for column in arrays.values()} == {0}


def test_many_members_are_streamed_with_little_memory(tmp_path: Path) -> None:
    base = {"iterations": 1, "hidden_size": 1, "pattern": "1"}
    with running_server(tmp_path) as (server, client):
        job = run_sweep(client, base=base, grid={"loss": ["mse", "bce"]}, seeds=150_000)
        for kind, file in (("text/csv", tmp_path / "members.csv"), (NPZ, tmp_path / "members.npz")):
            server.reset_peak_memory()
            before = server.memory()
            stream = client.stream("GET", f"/sweeps/{job['id']}/members", headers={"accept": kind})
            with stream as response, file.open("wb") as content:
                content.writelines(response.iter_raw())
            assert server.memory("VmHWM") - before < 20_000_000
    index = np.arange(300_000)
    np.testing.assert_array_equal(np.load(tmp_path / "members.npz")["index"], index)
    with (tmp_path / "members.csv").open("rb") as lines:
        assert next(lines).startswith(b"index,")
        assert [int(line[: line.index(b",")]) for line in lines] == index.tolist()


def test_member_trained_as_a_job_has_the_same_result(shared_client: Client, done: Json) -> None:
    members = members_of(shared_client, done)
    for index in (0, 13, 23):
        response = shared_client.post(f"/sweeps/{done['id']}/members/{index}/train", params={"wait": 10})
        job, member = response.json(), members[index]
        assert (response.status_code, response.headers["location"]) == (200, f"/jobs/{job['id']}")
        assert {name: member[name] for name in RESULT_FIELDS} == job["result"]
        assert (job["kind"], job["config"]["seed"], job["name"]) == ("train", member["seed"], f"rates, member {index}")


def test_members_of_different_shapes_in_one_sweep(shared_client: Client) -> None:
    grid = {
        "hidden_size": [2, 3], "pattern": ["10", "110"], "learning_rate": [0.05, 0.2], "optimizer": ["sgd", "adam"],
        "generator_learning_rate": [None, 0.1],
    }  # fmt: skip
    job = run_sweep(shared_client, base={"iterations": 50, "latent": "normal"}, grid=grid, seeds=1)
    members = members_of(shared_client, job, limit=10)
    cells = shared_client.get(f"/sweeps/{job['id']}/results").json()["data"]
    assert len(cells) == len(members) == job["iterations"] == 32
    for cell, member in zip(cells, members, strict=True):
        run = train_here(TrainConfig(iterations=50, latent="normal", **cell["config"], seed=0)).result
        assert {name: member[name] for name in RESULT_FIELDS} == vars(run)


def test_sweep_of_discriminator_experiments(shared_client: Client) -> None:
    job = run_sweep(shared_client, base={"preset": "discriminator-alone", "iterations": 50}, seeds=3)
    assert job["config"]["base"] == {"preset": "discriminator-alone", "iterations": 50}
    (cell,) = shared_client.get(f"/sweeps/{job['id']}/results").json()["data"]
    assert (cell["count"], cell["generator_loss"], cell["settled_at"]["p50"], cell["config"]) == (3, None, None, {})
    members = members_of(shared_client, job)
    assert all(member["sample"] is member["in_range"] is member["generator_loss"] is None for member in members)
    assert members_of(shared_client, job, in_range=False) == members_of(shared_client, job, in_range=True) == []
    assert arrays_of(shared_client, job, in_range=False)["index"].size == 0


def test_empty_request_is_the_article_with_a_hundred_seeds(shared_client: Client) -> None:
    for response in (shared_client.post("/sweeps"), shared_client.post("/sweeps", json={})):
        job = response.json()
        assert (response.status_code, job["iterations"]) == (202, 100)
        assert (response.headers["location"], response.headers["retry-after"]) == (f"/jobs/{job['id']}", "1")
        assert job["config"] == {"base": {}, "grid": {}, "seeds": {"start": 0, "count": 100}, "name": None}


@pytest.mark.parametrize(
    "request_body",
    [
        {"seeds": 2},
        {"grid": {}, "seeds": {"start": 5, "count": 2}},
        {"base": {"preset": "adam-orbit", "learning_rate": 0.002}, "grid": {"spread": [0.1, 0.3]}, "seeds": 2},
        {"base": {"preset": "article-bce"}, "grid": {"loss": ["mse", "bce"]}, "seeds": 1, "name": "losses"},
        {"base": {"preset": "article", "generator_learning_rate": None}, "grid": {"hidden_size": [2]}, "seeds": 1},
    ],
    ids=str,
)
def test_returned_config_starts_the_same_sweep(shared_client: Client, request_body: Json) -> None:
    first = run_sweep(shared_client, **{"base": {"iterations": 20} | request_body.pop("base", {})} | request_body)
    second = run_sweep(shared_client, **first["config"])
    assert second["config"] == first["config"]
    assert members_of(shared_client, second) == members_of(shared_client, first)


def test_sweep_of_a_removed_preset_is_listed_and_can_be_repeated(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"base": {"preset": "adam-orbit", "iterations": 20}, "seeds": 2}
    first, training = run_sweep(client, **request), train(client, preset="adam-orbit", iterations=20)
    monkeypatch.delitem(PRESETS, "adam-orbit")
    assert [job["id"] for job in client.get("/jobs").json()["data"]] == [training["id"], first["id"]]
    assert client.get(f"/jobs/{training['id']}").json()["config"] == training["config"]
    config = client.get(f"/jobs/{first['id']}").json()["config"]
    assert config["base"] == {"loss": "bce", "optimizer": "adam", "learning_rate": 0.001, "iterations": 20}
    assert members_of(client, run_sweep(client, **config)) == members_of(client, first)


def test_same_key_and_body_give_the_same_sweep(shared_client: Client) -> None:
    request = {"base": {"iterations": 10}, "grid": {"loss": ["mse"], "spread": [0.1]}, "seeds": 2}
    headers = {"Idempotency-Key": "sweep-once"}
    first = shared_client.post("/sweeps", json=request, headers=headers).json()
    assert shared_client.post("/sweeps", json=request, headers=headers).json()["id"] == first["id"]
    turned = request | {"grid": {"spread": [0.1], "loss": ["mse"]}}  # which numbers the cells differently
    for other in (request | {"seeds": 3}, turned, request | {"name": "x"}):
        check_problem(shared_client.post("/sweeps", json=other, headers=headers), 422, "idempotency-key-reused")
    url = f"/sweeps/{first['id']}/members/1/train"
    again = [shared_client.post(url, headers={"Idempotency-Key": "member-once"}).json()["id"] for _ in range(2)]
    assert again[0] == again[1]


INVALID_GRIDS: dict[str, list[tuple[Any, list[int]]]] = {  # by setting: its values, and the place of the first mistake
    "learning_rate": [([0.1, 1, 11], [2]), ([0.1, "0.1"], [1]), ([True], [0]), ([[0.1]], [0]), ([None], [0])],
    "iterations": [([10, 0], [1]), ([10, 1.5], [1])],
    "hidden_size": [([3, 65], [1])],
    "pattern": [(["10", "12"], [1])],
    "loss": [(["mse", "MSE"], [1]), ([], []), ("mse", [])],
    "rate": [([0.1], [])],
    "preset": [(["article"], [])],
    "seed": [([1], [])],
    "name": [(["x"], [])],
    "backend": [(["compiled"], []), (["compiled", "pytorch"], [])],
}
INVALID_BASES = {
    "seed": [1, None], "name": ["x"], "preset": ["none"], "learning_rate": [0], "rate": [1], "backend": ["pytorch", {}],
}  # fmt: skip
INVALID_SEEDS: dict[str, list[Any]] = {
    "count": [0, 1_000_001, 1.5, "9", {"start": 1}],
    "start": [{"start": -1, "count": 1}, {"start": 2**53 - 1, "count": 2}],
    "step": [{"count": 1, "step": 2}],
}
INVALID_SWEEPS: list[tuple[Json, list[Any]]] = [
    *(({"grid": {name: values}}, ["grid", name, *at]) for name, grids in INVALID_GRIDS.items() for values, at in grids),
    *(({"base": {name: value}}, ["base", name]) for name, values in INVALID_BASES.items() for value in values),
    *(({"seeds": seeds}, ["seeds", name]) for name, values in INVALID_SEEDS.items() for seeds in values),
    ({"grid": None}, ["grid"]),
    ({"grid": [1]}, ["grid"]),
    ({"grid": {"learning_rate": [0.1] * 1001}, "seeds": 1000}, ["grid"]),
    ({"grid": {"iterations": [10, 10_000_000], "record_every": [100, 1]}}, ["grid", "record_every"]),
    ({"base": {"record_every": 1}, "grid": {"iterations": [10, 10_000_000]}}, ["base", "record_every"]),
    ({"name": "x" * 101}, ["name"]),
    ({"learning_rate": 0.1}, ["learning_rate"]),
]


@pytest.mark.parametrize(("request_body", "place"), INVALID_SWEEPS, ids=lambda value: str(value)[:60])
def test_invalid_sweep_is_refused_with_the_place(client: Client, request_body: Json, place: list[Any]) -> None:
    content = check_problem(client.post("/sweeps", json=request_body), 422, "invalid-input")
    assert content["errors"][0]["loc"] == ["body", *place]
    assert ".".join(map(str, place)) in content["detail"]
    assert client.get("/jobs").json()["data"] == []


def test_large_bodies_are_refused(client: Client) -> None:
    values = [place / 1_000_000 for place in range(1, 500_001)]
    response = client.post("/sweeps", json={"grid": {"learning_rate": values}, "seeds": 3})
    assert "at most 1,000,000 members" in check_problem(response, 422, "invalid-input")["detail"]
    bad = json.dumps({"grid": {"learning_rate": [""] * 1_500_000}}).encode()
    content = check_problem(client.post("/sweeps", content=bad, headers={"content-type": "application/json"}), 422)
    assert content["errors"][0]["loc"] == ["body", "grid", "learning_rate", 0]


def test_routes_of_the_other_kind_of_job_are_refused(shared_client: Client, done: Json, article_job: Json) -> None:
    for path in ("progress", "progress?view=article", "snapshots"):
        content = check_problem(shared_client.get(f"/jobs/{done['id']}/{path}"), 409, "wrong-kind")
        assert f"/sweeps/{done['id']}/results" in content["detail"]
    check_problem(shared_client.get("/sample", params={"job_id": done["id"]}), 409, "wrong-kind")
    score = {"job_id": done["id"], "vectors": [[0, 0, 0, 0]]}
    check_problem(shared_client.post("/score", json=score), 409, "wrong-kind")
    check_problem(shared_client.get(f"/models/{done['id']}/generator.safetensors"), 404, "file-not-found")
    for path in ("results", "members"):
        check_problem(shared_client.get(f"/sweeps/{article_job['id']}/{path}"), 409, "wrong-kind")
    check_problem(shared_client.post(f"/sweeps/{article_job['id']}/members/0/train"), 409, "wrong-kind")


def test_invalid_members_and_pages_are_refused(shared_client: Client, done: Json) -> None:
    url = f"/sweeps/{done['id']}"
    check_problem(shared_client.post(f"{url}/members/24/train"), 404, "member-not-found")
    check_problem(shared_client.get(f"{url}/members", params={"cell": 6}), 422)
    for path in ("members/-1/train", "members/x/train", f"members/{10**30}/train"):
        check_problem(shared_client.post(f"{url}/{path}"), 422)
    for query in ("limit=0", "limit=1001", "after=-1", "after=x", "in_range=2", "cell=-1", f"after={10**30}"):
        check_problem(shared_client.get(f"{url}/members?{query}"), 422)
    for query in ("limit=0", "limit=10001", "after=-1", "after=1.5"):
        check_problem(shared_client.get(f"{url}/results?{query}"), 422)


def test_sweep_has_no_model(client: Client) -> None:
    run_sweep(client, base={"iterations": 10}, seeds=2)
    check_problem(client.get("/sample"), 409, "no-model")
    trained = train(client, iterations=10)
    run_sweep(client, base={"iterations": 10}, seeds=2)
    assert client.get("/sample").json()["job_id"] == trained["id"]
    assert client.get("/models").json()["data"][0]["job_id"] == trained["id"]


def test_cancelled_sweep_keeps_its_finished_members(client: Client) -> None:
    grid = {"iterations": [100, 10_000_000]}
    job = client.post("/sweeps", json={"base": {"hidden_size": 16}, "grid": grid, "seeds": 500}).json()
    wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["iteration"] == 500)
    url = f"/sweeps/{job['id']}"
    first, second = client.get(f"{url}/results").json()["data"]
    assert (first["count"], second["count"]) == (500, 0)
    assert second["bits_rate"] is second["discriminator_real_loss"] is second["settled_at"]["p5"] is None
    members = client.get(f"{url}/members", params={"limit": 1000}).json()
    assert (len(members["data"]), members["has_more"]) == (500, False)
    check_problem(client.delete(f"/jobs/{job['id']}"), 409, "state-forbids")
    cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
    assert (cancelled["status"], cancelled["iteration"]) == ("cancelled", 500)
    results = client.get(f"{url}/results").json()
    assert (results["status"], results["data"]) == ("cancelled", [first, second])
    assert client.get(f"{url}/members", params={"limit": 1000}).json() == members
    assert client.delete(f"/jobs/{job['id']}").status_code == 204
    check_problem(client.get(f"{url}/results"), 404, "job-not-found")


def test_queue_counts_a_sweep_as_one_job(tmp_path_factory: pytest.TempPathFactory) -> None:
    with app_client(tmp_path_factory.mktemp("queue"), workers=1, queue_size=2) as client:
        running = client.post("/sweeps", json=ENDLESS_SWEEP).json()
        wait_until(lambda: client.get(f"/jobs/{running['id']}").json()["status"] == "running")
        waiting = [client.post("/sweeps", json={"base": {"iterations": 10}, "seeds": 3}) for _ in range(3)]
        assert [response.status_code for response in waiting] == [202, 202, 429]
        check_problem(waiting[2], 429, "queue-full")
        queued = waiting[0].json()
        assert client.get(f"/sweeps/{queued['id']}/results").json()["data"][0]["count"] == 0
        assert client.get(f"/sweeps/{queued['id']}/members").json()["data"] == []
        assert client.post(f"/jobs/{queued['id']}/cancel").json()["status"] == "cancelled"
        client.post(f"/jobs/{running['id']}/cancel")
        last = client.get(f"/jobs/{waiting[1].json()['id']}", params={"wait": 10}).json()
        assert (last["status"], last["iteration"]) == ("succeeded", 3)
