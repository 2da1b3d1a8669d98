"""Sweeps over HTTP: what is asked for, what comes of it cell by cell and one by one, and what is refused."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gan1010 import PRESETS, TrainConfig
from gan1010 import train as train_here
from tests.support.clients import Client, app_client
from tests.support.contract import JOB_FIELDS, RESULT_FIELDS, Json, check_problem, content_type, train, wait_until

GRID = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1, 0.3]}
BASE = {"iterations": 500, "record_every": 5}
CELL = [
    "cell", "config", "count", "bits_rate", "in_range_rate", "settled_at", "discriminator_real_loss",
    "discriminator_fake_loss", "generator_loss",
]  # fmt: skip
ENDLESS_SWEEP = {"base": {"iterations": 10_000_000, "hidden_size": 16}, "seeds": 1000}


def sweep(client: httpx.Client, **request: Any) -> Json:
    """Sweep to the end: the job."""
    answer = client.post("/sweeps", params={"wait": 30}, json=request)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def done(shared_client: Client) -> Json:
    """A sweep that nobody changes."""
    return sweep(shared_client, base=BASE, grid=GRID, seeds={"start": 7, "count": 4}, name="rates")


def all_members(client: Client, job: Json, **parameters: Any) -> list[Json]:
    """Every page of a sweep's members, one after the other."""
    members: list[Json] = []
    page: Json = {"has_more": True, "next": None}
    while page["has_more"]:
        after = {} if page["next"] is None else {"after": page["next"]}
        page = client.get(f"/sweeps/{job['id']}/members", params=parameters | after).json()
        members += page["data"]
    return members


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
    tag = shared_client.get(f"/jobs/{done['id']}").headers["etag"]
    assert shared_client.get(f"/jobs/{done['id']}", headers={"if-none-match": tag}).status_code == 304


def test_accepted_sweep_says_where_it_is(shared_client: Client) -> None:
    answer = shared_client.post("/sweeps", json={"base": {"iterations": 10}, "seeds": 2})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    assert answer.headers["retry-after"] == "1"
    assert shared_client.get(answer.headers["location"], params={"wait": 10}).json()["iteration"] == 2


def test_results_are_those_of_the_members_by_themselves(shared_client: Client, done: Json) -> None:
    answer = shared_client.get(f"/sweeps/{done['id']}/results").json()
    assert answer.keys() == {"job_id", "status", "data", "has_more", "next"}
    assert (answer["job_id"], answer["status"], answer["has_more"], answer["next"]) == (
        done["id"], "succeeded", False, None,
    )  # fmt: skip
    expected = [{"loss": loss, "learning_rate": rate} for loss in GRID["loss"] for rate in GRID["learning_rate"]]
    assert [cell["config"] for cell in answer["data"]] == expected
    for number, cell in enumerate(answer["data"]):
        assert list(cell) == CELL
        runs = [train_here(TrainConfig(**BASE | cell["config"], seed=seed)).result for seed in range(7, 11)]
        assert (cell["cell"], cell["count"]) == (number, 4)
        assert cell["bits_rate"] == sum(run.bits == "1010" for run in runs) / 4
        assert cell["in_range_rate"] == sum(bool(run.in_range) for run in runs) / 4
        assert cell["generator_loss"] == pytest.approx(sum(run.generator_loss or 0 for run in runs) / 4)
        settled = sorted(run.settled_at for run in runs if run.settled_at)
        assert cell["settled_at"].keys() == {"p5", "p50", "p95"}
        assert (cell["settled_at"]["p50"] is None) == (not settled)
        if settled:
            assert settled[0] <= cell["settled_at"]["p5"] <= cell["settled_at"]["p95"] <= settled[-1]


def test_results_as_csv_say_the_same(shared_client: Client, done: Json) -> None:
    cells = shared_client.get(f"/sweeps/{done['id']}/results").json()["data"]
    answer = shared_client.get(f"/sweeps/{done['id']}/results", headers={"accept": "text/csv"})
    assert content_type(answer) == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0])[:4] == ["cell", "loss", "learning_rate", "count"]
    for cell, row in zip(cells, rows, strict=True):
        flat = {"cell": cell["cell"], **cell["config"], **{k: v for k, v in cell.items() if k not in CELL[:2]}}
        flat |= {f"settled_at_{name}": at for name, at in flat.pop("settled_at").items()}
        assert row == {name: "" if value is None else str(value) for name, value in flat.items()}


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 7])
def test_results_page_through(shared_client: Client, done: Json, limit: int) -> None:
    url, found = f"/sweeps/{done['id']}/results", []
    whole = shared_client.get(url).json()["data"]
    page: Json = {"has_more": True, "next": None}
    while page["has_more"]:
        after = {} if page["next"] is None else {"after": page["next"]}
        parameters = {"limit": limit} | after
        page = shared_client.get(url, params=parameters).json()
        link = shared_client.get(url, params=parameters, headers={"accept": "text/csv"}).links.get("next", {})
        assert ("url" in link) == page["has_more"]
        if link:
            assert shared_client.get(link["url"]).json()["data"][0]["cell"] == page["next"] + 1
        assert len(page["data"]) <= limit
        found += page["data"]
    assert found == whole
    assert shared_client.get(url, params={"after": 99}).json()["data"] == []


def test_members_are_listed_with_their_results(shared_client: Client, done: Json) -> None:
    members = all_members(shared_client, done, limit=5)
    assert [member["index"] for member in members] == list(range(24))
    for member in members:
        assert member.keys() == {"index", "seed", "cell"} | RESULT_FIELDS
        assert member["cell"] == member["index"] // 4
        assert member["seed"] == 7 + member["index"] % 4
        assert len(member["sample"]) == 4


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_members_are_filtered(shared_client: Client, done: Json, limit: int) -> None:
    members = all_members(shared_client, done)
    inside = [member for member in members if member["in_range"]]
    assert 0 < len(inside) < 24
    assert all_members(shared_client, done, in_range=True, limit=limit) == inside
    assert all_members(shared_client, done, in_range=False, limit=limit) == [m for m in members if not m["in_range"]]
    assert all_members(shared_client, done, cell=5, limit=limit) == members[20:]
    assert all_members(shared_client, done, cell=5, in_range=True, limit=limit) == [m for m in inside if m["cell"] == 5]


def test_member_trains_again_with_the_same_figures(shared_client: Client, done: Json) -> None:
    members = all_members(shared_client, done)
    for index in (0, 13, 23):
        answer = shared_client.post(f"/sweeps/{done['id']}/members/{index}/train", params={"wait": 10})
        job, member = answer.json(), members[index]
        assert (answer.status_code, answer.headers["location"]) == (200, f"/jobs/{job['id']}")
        assert {name: member[name] for name in RESULT_FIELDS} == job["result"]
        assert (job["kind"], job["config"]["seed"], job["name"]) == ("train", member["seed"], f"rates, member {index}")


def test_groups_of_all_kinds_in_one_sweep(shared_client: Client) -> None:
    grid = {
        "hidden_size": [2, 3],
        "pattern": ["10", "110"],
        "learning_rate": [0.05, 0.2],
        "optimizer": ["sgd", "adam"],
        "generator_learning_rate": [None, 0.1],
    }
    job = sweep(shared_client, base={"iterations": 50, "latent": "normal"}, grid=grid, seeds=1)
    members = all_members(shared_client, job, limit=10)
    cells = shared_client.get(f"/sweeps/{job['id']}/results").json()["data"]
    assert len(cells) == len(members) == job["iterations"] == 32
    for cell, member in zip(cells, members, strict=True):
        run = train_here(TrainConfig(iterations=50, latent="normal", **cell["config"], seed=0)).result
        assert {name: member[name] for name in RESULT_FIELDS} == vars(run)


def test_discriminator_alone_has_no_generator_to_tell_of(shared_client: Client) -> None:
    job = sweep(shared_client, base={"preset": "discriminator-alone", "iterations": 50}, seeds=3)
    assert job["config"]["base"] == {"preset": "discriminator-alone", "iterations": 50}
    (cell,) = shared_client.get(f"/sweeps/{job['id']}/results").json()["data"]
    assert (cell["count"], cell["generator_loss"], cell["settled_at"]["p50"], cell["config"]) == (3, None, None, {})
    members = all_members(shared_client, job)
    assert all(member["sample"] is member["in_range"] is member["generator_loss"] is None for member in members)
    assert all_members(shared_client, job, in_range=False) == all_members(shared_client, job, in_range=True) == []


def test_sweep_of_nothing_named_is_the_article_with_a_hundred_seeds(shared_client: Client) -> None:
    for answer in (shared_client.post("/sweeps"), shared_client.post("/sweeps", json={})):
        job = answer.json()
        assert (answer.status_code, job["iterations"]) == (202, 100)
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
    first = sweep(shared_client, **{"base": {"iterations": 20} | request_body.pop("base", {})} | request_body)
    second = sweep(shared_client, **first["config"])
    assert second["config"] == first["config"]
    assert all_members(shared_client, second) == all_members(shared_client, first)


def test_sweep_of_a_removed_preset_is_listed_and_can_be_repeated(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"base": {"preset": "adam-orbit", "iterations": 20}, "seeds": 2}
    first, training = sweep(client, **request), train(client, preset="adam-orbit", iterations=20)
    monkeypatch.delitem(PRESETS, "adam-orbit")
    assert [job["id"] for job in client.get("/jobs").json()["data"]] == [training["id"], first["id"]]
    assert client.get(f"/jobs/{training['id']}").json()["config"] == training["config"]
    config = client.get(f"/jobs/{first['id']}").json()["config"]
    assert config["base"] == {"loss": "bce", "optimizer": "adam", "learning_rate": 0.001, "iterations": 20}
    assert all_members(client, sweep(client, **config)) == all_members(client, first)


def test_same_key_is_the_same_sweep(shared_client: Client) -> None:
    request = {"base": {"iterations": 10}, "grid": {"loss": ["mse"], "spread": [0.1]}, "seeds": 2}
    headers = {"Idempotency-Key": "sweep-once"}
    first = shared_client.post("/sweeps", json=request, headers=headers).json()
    assert shared_client.post("/sweeps", json=request, headers=headers).json()["id"] == first["id"]
    turned = request | {"grid": {"spread": [0.1], "loss": ["mse"]}}  # whose cells have other numbers
    for other in (request | {"seeds": 3}, turned, request | {"name": "x"}):
        check_problem(shared_client.post("/sweeps", json=other, headers=headers), 422, "idempotency-key-reused")
    url = f"/sweeps/{first['id']}/members/1/train"
    again = [shared_client.post(url, headers={"Idempotency-Key": "member-once"}).json()["id"] for _ in range(2)]
    assert again[0] == again[1]


REFUSED: list[tuple[Json, list[str | int]]] = [
    ({"grid": None}, ["grid"]),
    ({"grid": [1]}, ["grid"]),
    ({"grid": {"loss": []}}, ["grid", "loss"]),
    ({"grid": {"loss": "mse"}}, ["grid", "loss"]),
    ({"grid": {"rate": [0.1]}}, ["grid", "rate"]),
    ({"grid": {"preset": ["article"]}}, ["grid", "preset"]),
    ({"grid": {"seed": [1]}}, ["grid", "seed"]),
    ({"grid": {"name": ["x"]}}, ["grid", "name"]),
    ({"grid": {"learning_rate": [0.1, 1, 11]}}, ["grid", "learning_rate", 2]),
    ({"grid": {"learning_rate": [0.1, "0.1"]}}, ["grid", "learning_rate", 1]),
    ({"grid": {"learning_rate": [True]}}, ["grid", "learning_rate", 0]),
    ({"grid": {"learning_rate": [[0.1]]}}, ["grid", "learning_rate", 0]),
    ({"grid": {"learning_rate": [None]}}, ["grid", "learning_rate", 0]),
    ({"grid": {"iterations": [10, 0]}}, ["grid", "iterations", 1]),
    ({"grid": {"iterations": [10, 1.5]}}, ["grid", "iterations", 1]),
    ({"grid": {"hidden_size": [3, 65]}}, ["grid", "hidden_size", 1]),
    ({"grid": {"pattern": ["10", "12"]}}, ["grid", "pattern", 1]),
    ({"grid": {"loss": ["mse", "MSE"]}}, ["grid", "loss", 1]),
    ({"grid": {"iterations": [10, 10_000_000], "record_every": [100, 1]}}, ["grid", "record_every"]),
    ({"base": {"record_every": 1}, "grid": {"iterations": [10, 10_000_000]}}, ["base", "record_every"]),
    ({"grid": {"learning_rate": [0.1] * 1001}, "seeds": 1000}, ["grid"]),
    ({"base": {"seed": 1}}, ["base", "seed"]),
    ({"base": {"seed": None}}, ["base", "seed"]),
    ({"base": {"name": "x"}}, ["base", "name"]),
    ({"base": {"preset": "none"}}, ["base", "preset"]),
    ({"base": {"learning_rate": 0}}, ["base", "learning_rate"]),
    ({"base": {"rate": 1}}, ["base", "rate"]),
    ({"seeds": 0}, ["seeds", "count"]),
    ({"seeds": 1_000_001}, ["seeds", "count"]),
    ({"seeds": 1.5}, ["seeds", "count"]),
    ({"seeds": "9"}, ["seeds", "count"]),
    ({"seeds": {"start": -1, "count": 1}}, ["seeds", "start"]),
    ({"seeds": {"start": 2**53 - 1, "count": 2}}, ["seeds", "start"]),
    ({"seeds": {"start": 1}}, ["seeds", "count"]),
    ({"seeds": {"count": 1, "step": 2}}, ["seeds", "step"]),
    ({"name": "x" * 101}, ["name"]),
    ({"learning_rate": 0.1}, ["learning_rate"]),
]


@pytest.mark.parametrize(("request_body", "place"), REFUSED, ids=lambda value: str(value)[:60])
def test_bad_sweep_is_refused_by_the_place_of_the_mistake(client: Client, request_body: Json, place: list[Any]) -> None:
    content = check_problem(client.post("/sweeps", json=request_body), 422, "invalid-input")
    assert content["errors"][0]["loc"] == ["body", *place]
    assert ".".join(map(str, place)) in content["detail"]
    assert client.get("/jobs").json()["data"] == []


NUMBERS = ["NaN", "Infinity", "1e999", "-1e999", "1e39", "9" * 5000, "1e" + "9" * 50, "[" * 100_000, '"1"', "{}", "-0"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
@pytest.mark.parametrize(
    "body",
    ['{"grid": {"spread": [0.1, %s]}}', '{"grid": {"iterations": [%s]}}', '{"seeds": %s}',
     '{"seeds": {"start": %s, "count": 9}}', '{"base": {"learning_rate": %s}}'],
)  # fmt: skip
def test_what_is_no_number_for_it_is_refused(client: Client, body: str, number: str) -> None:
    answer = client.post("/sweeps", content=body % number, headers={"content-type": "application/json"})
    if '"start"' not in body or number != "-0":
        check_problem(answer, answer.status_code)
        assert answer.status_code in (400, 422)


def test_large_bodies_are_answered_soon(client: Client) -> None:
    values = [place / 1_000_000 for place in range(1, 500_001)]
    answer = client.post("/sweeps", json={"grid": {"learning_rate": values}, "seeds": 3})
    assert "at most 1,000,000 members" in check_problem(answer, 422, "invalid-input")["detail"]
    bad = json.dumps({"grid": {"learning_rate": [""] * 1_500_000}}).encode()
    content = check_problem(client.post("/sweeps", content=bad, headers={"content-type": "application/json"}), 422)
    assert content["errors"][0]["loc"] == ["body", "grid", "learning_rate", 0]


def test_each_kind_of_job_refuses_what_only_the_other_has(shared_client: Client, done: Json, article_job: Json) -> None:
    for path in ("progress", "progress?view=article", "snapshots"):
        content = check_problem(shared_client.get(f"/jobs/{done['id']}/{path}"), 409, "wrong-kind")
        assert f"/sweeps/{done['id']}/results" in content["detail"]
    check_problem(shared_client.get("/sample", params={"job_id": done["id"]}), 409, "wrong-kind")
    check_problem(
        shared_client.post("/score", json={"job_id": done["id"], "vectors": [[0, 0, 0, 0]]}), 409, "wrong-kind"
    )
    check_problem(shared_client.get(f"/models/{done['id']}/generator.safetensors"), 404, "file-not-found")
    for path in ("results", "members"):
        check_problem(shared_client.get(f"/sweeps/{article_job['id']}/{path}"), 409, "wrong-kind")
        check_problem(shared_client.get(f"/sweeps/none/{path}"), 404, "job-not-found")
    check_problem(shared_client.post(f"/sweeps/{article_job['id']}/members/0/train"), 409, "wrong-kind")


def test_what_a_sweep_does_not_have_is_refused(shared_client: Client, done: Json) -> None:
    url = f"/sweeps/{done['id']}"
    check_problem(shared_client.post(f"{url}/members/24/train"), 404, "member-not-found")
    check_problem(shared_client.get(f"{url}/members", params={"cell": 6}), 422)
    for path in ("members/-1/train", "members/x/train", f"members/{10**30}/train"):
        check_problem(shared_client.post(f"{url}/{path}"), 422)
    for query in ("limit=0", "limit=1001", "after=-1", "after=x", "in_range=2", "cell=-1", f"after={10**30}"):
        check_problem(shared_client.get(f"{url}/members?{query}"), 422)
    for query in ("limit=0", "limit=10001", "after=-1", "after=1.5"):
        check_problem(shared_client.get(f"{url}/results?{query}"), 422)


HEATMAPS = [
    "",
    "?x=learning_rate&y=loss",
    "?x=loss&y=learning_rate&value=settled_at_p50",
    "?y=loss&value=generator_loss",
    "?x=hidden_size&value=bits_rate",
]


@pytest.mark.parametrize("query", HEATMAPS)
def test_cells_are_drawn(shared_client: Client, done: Json, query: str) -> None:
    for format, kind, start in (("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<?xml")):
        answer = shared_client.get(f"/sweeps/{done['id']}/plots/heatmap.{format}{query}")
        assert (answer.status_code, content_type(answer)) == (200, kind)
        assert answer.content.startswith(start)
        assert (
            shared_client.get(answer.request.url, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        )


def test_what_cannot_be_drawn_is_refused(shared_client: Client, done: Json, article_job: Json) -> None:
    url = f"/sweeps/{done['id']}/plots"
    for query, name in {"x=seed": "x", "y=nothing": "y", "x=loss&y=loss": "y", "value=count": "value"}.items():
        content = check_problem(shared_client.get(f"{url}/heatmap.png?{query}"), 422, "invalid-input")
        assert content["errors"][0]["loc"] == ["query", name]
    check_problem(shared_client.get(f"{url}/heatmap.gif"), 404, "plot-not-found")
    check_problem(shared_client.get(f"{url}/losses.png"), 404, "plot-not-found")
    check_problem(shared_client.get(f"/sweeps/{article_job['id']}/plots/heatmap.png"), 409, "wrong-kind")
    check_problem(shared_client.get(f"/jobs/{done['id']}/plots/losses.png"), 409)
    wide = sweep(shared_client, base={"iterations": 1}, grid={"spread": [0.1] * 1001}, seeds=1)
    content = check_problem(shared_client.get(f"/sweeps/{wide['id']}/plots/heatmap.png"), 422)
    assert "1,001" in content["detail"]


def test_sweep_without_a_grid_is_one_cell_to_draw(shared_client: Client) -> None:
    job = sweep(shared_client, base={"iterations": 10}, seeds=2)
    assert shared_client.get(f"/sweeps/{job['id']}/plots/heatmap.svg").status_code == 200


def test_newest_model_is_never_a_sweep(client: Client) -> None:
    check_problem(client.get("/sample"), 409, "no-model")
    sweep(client, base={"iterations": 10}, seeds=2)
    check_problem(client.get("/sample"), 409, "no-model")
    trained = train(client, iterations=10)
    sweep(client, base={"iterations": 10}, seeds=2)
    assert client.get("/sample").json()["job_id"] == trained["id"]
    assert client.get("/models").json()["data"][0]["job_id"] == trained["id"]


@pytest.fixture
def running(client: Client) -> Iterator[Json]:
    """A sweep that has some members done, and goes on for long."""
    grid = {"iterations": [100, 10_000_000]}
    job = client.post("/sweeps", json={"base": {"hidden_size": 16}, "grid": grid, "seeds": 500}).json()
    yield wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] == 500)
    client.post(f"/jobs/{job['id']}/cancel")


def test_running_sweep_tells_of_what_is_done_and_keeps_it_when_cancelled(client: Client, running: Json) -> None:
    url = f"/sweeps/{running['id']}"
    assert running["status"] == "running"
    first, second = client.get(f"{url}/results").json()["data"]
    assert (first["count"], second["count"]) == (500, 0)
    assert second["bits_rate"] is second["discriminator_real_loss"] is second["settled_at"]["p5"] is None
    members = client.get(f"{url}/members", params={"limit": 1000}).json()
    assert (len(members["data"]), members["has_more"]) == (500, False)
    check_problem(client.delete(f"/jobs/{running['id']}"), 409, "state-forbids")
    cancelled = client.post(f"/jobs/{running['id']}/cancel").json()
    assert (cancelled["status"], cancelled["iteration"]) == ("cancelled", 500)
    assert client.post(f"/jobs/{running['id']}/cancel").status_code == 200
    assert client.get(f"{url}/results").json() == {
        "job_id": running["id"], "status": "cancelled", "data": [first, second], "has_more": False, "next": None,
    }  # fmt: skip
    assert client.get(f"{url}/members", params={"limit": 1000}).json() == members
    assert train(client, iterations=10)["status"] == "succeeded"
    assert client.delete(f"/jobs/{running['id']}").status_code == 204
    check_problem(client.get(f"{url}/results"), 404, "job-not-found")


def test_events_of_a_sweep_end_with_its_end(client: Client) -> None:
    job = client.post("/sweeps", json={"base": {"iterations": 2000}, "seeds": 2000}).json()
    with client.stream("GET", f"/jobs/{job['id']}/events") as answer:
        text = "".join(answer.iter_text())
    events = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    assert events[0]["event"] == "status"
    assert [event["event"] for event in events].count("end") == 1
    assert json.loads(events[-1]["data"])["status"] == "succeeded"
    assert json.loads(events[-1]["data"])["iteration"] == int(events[-1]["id"]) == 2000


def test_queue_counts_a_sweep_as_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    with app_client(tmp_path_factory.mktemp("queue"), workers=1, queue_size=2) as client:
        running = client.post("/sweeps", json=ENDLESS_SWEEP).json()
        wait_until(lambda: client.get(f"/jobs/{running['id']}").json(), lambda job: job["status"] == "running")
        waiting = [client.post("/sweeps", json={"base": {"iterations": 10}, "seeds": 3}) for _ in range(3)]
        assert [answer.status_code for answer in waiting] == [202, 202, 429]
        check_problem(waiting[2], 429, "queue-full")
        queued = waiting[0].json()
        assert client.get(f"/sweeps/{queued['id']}/results").json()["data"][0]["count"] == 0
        assert client.get(f"/sweeps/{queued['id']}/members").json()["data"] == []
        assert client.post(f"/jobs/{queued['id']}/cancel").json()["status"] == "cancelled"
        client.post(f"/jobs/{running['id']}/cancel")
        last = client.get(f"/jobs/{waiting[1].json()['id']}", params={"wait": 10}).json()
        assert (last["status"], last["iteration"]) == ("succeeded", 3)
