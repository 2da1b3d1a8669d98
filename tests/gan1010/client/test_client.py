"""Every call of both clients, against the application: what it asks for, and what its answer is."""

import io
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel

from gan1010 import Model
from gan1010.client import AsyncClient, Client, endpoints, responses
from gan1010.client.endpoints import Call
from gan1010.client.responses import Job, JobProgress
from gan1010.client.settings import TrainSettings
from gan1010.export import safetensors
from service.api.schemas import health, history, inference, jobs, models, presets, sweep_results
from service.api.schemas.training import TrainRequest
from tests.support import clients
from tests.support.both_clients import CLIENT_KINDS, make_client
from tests.support.clients import Server

WITHOUT_A_CALL = {
    ("GET", "/sample"),  # POST /sample does the same
    ("GET", "/"),  # for browsers, like what follows
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
}
FOR_OTHER_CLIENTS = "/v2"  # the Open Inference Protocol's have clients of their own
ODD_NAME = "line\u2028separator, \x85 and é"


@pytest.fixture(params=CLIENT_KINDS)
def client(request: pytest.FixtureRequest, shared_client: clients.Client) -> Any:
    return make_client(request.param, shared_client)


@pytest.fixture(scope="module")
def swept(shared_client: clients.Client) -> Job:
    grid = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1]}
    client: Client = make_client("blocking", shared_client)
    return client.sweep(base={"iterations": 300}, grid=grid, seeds={"start": 7, "count": 5}, name="four", wait=20)


def test_train_with_settings_and_wait(client: Any) -> None:
    job = client.train(preset="article-bce", seed=5, hidden_size=4, name="mine", wait=20)
    assert (job.status, job.name, job.iteration) == ("succeeded", "mine", 10_000)
    assert (job.config["loss"], job.config["hidden_size"]) == ("bce", 4)
    assert job.result.bits == "1010"
    assert job.has_ended
    assert client.wait(job.id) == client.job(job.id, wait=1) == client.job(job.id) == job


def test_idempotency_key_makes_one_job(client: Any) -> None:
    keyed = {"idempotency_key": "once", "seed": 1, "iterations": 50}
    assert client.train(**keyed).id == client.train(**keyed).id
    assert client.train(seed=1, iterations=50).id != client.train(seed=1, iterations=50).id


def test_jobs_are_listed_page_by_page(client: Any, article_job: Any, swept: Job) -> None:
    page = client.jobs(limit=1, kind="train", status="succeeded")
    assert (len(page.data), page.next) == (1, page.data[0].id)
    real = getattr(client, "real", client)
    everything = list(client.each(real.jobs, limit=1, kind="sweep"))
    assert swept.id in [job.id for job in everything]
    assert len({job.id for job in everything}) == len(everything)


def test_life_of_a_job(client: Any) -> None:
    job = client.train(iterations=10_000_000, name="long")
    assert client.pause(job.id).status == "paused"
    assert client.resume(job.id).status in ("queued", "running")
    assert client.cancel(job.id).status == "cancelled"
    assert client.delete(job.id) is None
    assert job.id not in [other.id for other in client.jobs().data]


def test_watch_shows_a_job_until_it_has_ended(client: Any) -> None:
    seen = list(client.watch(client.train(iterations=2_000_000).id, every=0.05))
    assert [job.has_ended for job in seen] == [False] * (len(seen) - 1) + [True]
    iterations = [job.iteration for job in seen]
    assert iterations == sorted(iterations)
    assert len(seen) > 2


def test_wait_has_an_end(client: Any) -> None:
    job = client.train(iterations=10_000_000)
    with pytest.raises(TimeoutError, match=job.id):
        client.wait(job.id, timeout=0.2)
    client.cancel(job.id)


def test_losses(client: Any, article_job: Any) -> None:
    progress = client.progress(article_job["id"], after=9_000)
    assert (progress.series.iteration[0], progress.next_after) == (9_005, 10_000)
    assert len(client.progress(article_job["id"], max_points=100).series.generator_loss) <= 100
    assert client.progress_csv(article_job["id"], after=9_990).startswith("iteration,discriminator_real_loss")
    lists = client.article_progress(article_job["id"])
    assert (len(lists.discriminator), len(lists.generator)) == (2_000, 1_000)


def test_snapshots(client: Any, article_job: Any, discriminator_job: Any) -> None:
    kept = client.snapshots(article_job["id"])
    assert (len(kept.iterations), len(kept.samples), kept.weights) == (101, 101, None)
    weights = client.snapshots(article_job["id"], weights=True).weights
    assert (len(weights.generator), weights.shapes["generator"]["0.weight"]) == (101, [3, 1])
    assert client.snapshots(discriminator_job["id"]).samples == []
    arrays = np.load(io.BytesIO(client.snapshots_npz(article_job["id"])))
    assert arrays["generator.0.weight"].shape == (101, 3, 1)


def test_events_tell_all_and_end_with_the_job(client: Any) -> None:
    job = client.train(seed=3, name=ODD_NAME)
    events = list(client.events(job.id))
    points = [point for event in events if isinstance(event, JobProgress) for point in event.series.iteration]
    assert points == list(range(5, 10_005, 5))
    assert isinstance(events[-1], Job)
    assert (events[-1].status, events[-1].name) == ("succeeded", ODD_NAME)
    assert next(iter(client.events(job.id, after=9_990))).series.iteration == [9_995, 10_000]
    assert list(client.events(job.id, after=10_000)) == [client.job(job.id)]  # the end, where there is nothing else


def test_pictures_and_script(client: Any, article_job: Any, swept: Job) -> None:
    assert client.plot(article_job["id"]).startswith(b"\x89PNG")
    assert b"<svg" in client.plot(article_job["id"], "surface", "svg", iteration=5000)
    assert client.plot(article_job["id"], "surface") != client.plot(article_job["id"], "surface", iteration=0)
    assert client.heatmap(swept.id, x="loss", y="learning_rate", value="bits_rate").startswith(b"\x89PNG")
    assert "import torch" in client.script(article_job["id"])


def test_sample_and_score(client: Any, article_job: Any) -> None:
    made = client.sample([0.5, 0.7], job_id=article_job["id"], iteration=5000)
    assert (made.iteration, made.seeds, len(made.samples), made.pattern) == (5000, [0.5, 0.7], 2, "1010")
    assert client.sample(job_id=article_job["id"]).samples == [article_job["result"]["sample"]]
    assert client.sample().seeds == [0.5]
    told = client.score([[0.9, 0.1, 0.9, 0.1], (0, 0, 0, 0)], job_id=article_job["id"])
    assert len(told.scores) == 2
    assert told.job_id == article_job["id"]


def test_models_are_taken_away(client: Any, article_job: Any) -> None:
    real = getattr(client, "real", client)
    (model,) = [model for model in client.each(real.models, limit=100) if model.job_id == article_job["id"]]
    content = client.download(article_job["id"], "model.safetensors")
    assert len(content) == model.bytes
    assert isinstance(safetensors.load(content), Model)


def test_sweeps(client: Any, swept: Job) -> None:
    assert (swept.kind, swept.iteration) == ("sweep", 20)
    results = client.results(swept.id)
    assert [cell.count for cell in results.data] == [5, 5, 5, 5]
    assert results.data[3].config == {"loss": "bce", "learning_rate": 0.1}
    assert client.results_csv(swept.id, limit=2).count("\r\n") == 3
    assert client.results(swept.id, limit=3, after=0).data[0].cell == 1
    page = client.members(swept.id, cell=2, limit=3)
    assert [member.index for member in page.data] == [10, 11, 12]
    assert page.next == 12
    assert client.members(swept.id, in_range=False).data[0].in_range is False
    again = client.train_member(swept.id, 11, wait=20)
    assert (again.config["seed"], again.result.sample) == (8, page.data[1].sample)


def test_presets_and_operations(client: Any) -> None:
    assert client.presets()[0].name == "article"
    assert client.health().status == "ok"
    assert client.ready() is True
    assert "# TYPE" in client.metrics()


@pytest.mark.parametrize("kind", CLIENT_KINDS)
def test_every_route_has_its_call(shared_client: clients.Client, kind: str) -> None:
    described = shared_client.get("/openapi.json").json()["paths"]
    routes = {(method.upper(), path) for path, operations in described.items() for method in operations}
    made = {(call.method, call.path) for call in EVERY_CALL}
    for method, path in sorted(routes - WITHOUT_A_CALL):
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        called = any(method == other and re.fullmatch(pattern, called) for other, called in made)
        assert called or path.startswith(FOR_OTHER_CLIENTS), f"{method} {path}"
    for method, path in made:
        assert any(
            method == other and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) for other, known in routes
        ), path
    methods = AsyncClient if kind == "awaiting" else Client
    names = {name for name, value in vars(endpoints).items() if getattr(value, "__module__", "") == endpoints.__name__}
    functions = {name for name in names if name.islower() and not name.startswith("_")} - {"job_path"}
    assert {name for name in functions if not hasattr(methods, name)} == set()
    assert functions - {"events"} == set(EVERY_NAME)


EVERY_NAME: dict[str, tuple[Any, ...]] = {
    "train": (), "sweep": (), "train_member": ("x", 1), "jobs": (), "job": ("x",), "cancel": ("x",), "pause": ("x",),
    "resume": ("x",), "delete": ("x",), "progress": ("x",), "progress_csv": ("x",), "article_progress": ("x",),
    "snapshots": ("x",), "snapshots_npz": ("x",), "plot": ("x",), "script": ("x",), "sample": (),
    "score": ([[1.0]],), "models": (),
    "download": ("x", "y"), "presets": (), "results": ("x",), "results_csv": ("x",), "members": ("x",),
    "heatmap": ("x",), "health": (), "ready": (), "metrics": (),
}  # fmt: skip
EVERY_CALL: list[Call[Any]] = [getattr(endpoints, name)(*given) for name, given in EVERY_NAME.items()] + [
    Call(path=endpoints.job_path("x", "events"), parser=str)
]


@pytest.mark.parametrize(
    ("mine", "served"),
    [
        (responses.Job, jobs.JobOut),
        (responses.Result, jobs.ResultOut),
        (responses.JobProgress, history.ProgressOut),
        (responses.Series, history.Series),
        (responses.ArticleProgress, history.ArticleProgressOut),
        (responses.Snapshots, history.SnapshotsOut),
        (responses.Weights, history.WeightsOut),
        (responses.Samples, inference.SampleOut),
        (responses.Scores, inference.ScoreOut),
        (responses.ModelInfo, models.ModelOut),
        (responses.Preset, presets.PresetOut),
        (responses.Health, health.Health),
        (responses.Cell, sweep_results.CellOut),
        (responses.Settled, sweep_results.SettledOut),
        (responses.Results, sweep_results.CellPage),
        (responses.Member, sweep_results.MemberOut),
        (responses.Page, sweep_results.MemberPage),
    ],
)
def test_answers_have_the_fields_that_are_served(mine: type[BaseModel], served: type[BaseModel]) -> None:
    assert set(mine.model_fields) == set(served.model_fields)


def test_settings_are_those_of_the_service() -> None:
    assert TrainSettings.__annotations__.keys() | {"name"} == TrainRequest.model_fields.keys()
    assert get_args(responses.Status) == get_args(jobs.Status)


@pytest.mark.parametrize("kind", CLIENT_KINDS)
def test_over_a_socket(
    server: Server, shared_client: clients.Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN1010_URL", f"{server.url}/")
    client: Any = Client() if kind == "blocking" else None
    if client is None:
        from tests.support.both_clients import BlockingAsyncClient, transport_of

        client = BlockingAsyncClient(AsyncClient(), transport_of(shared_client)._portal)
    job = client.train(iterations=3_000_000, record_every=1_000, name=ODD_NAME)
    events = list(client.events(job.id))
    assert sum(len(event.series.iteration) for event in events if isinstance(event, JobProgress)) == 3_000
    assert (events[-1].status, events[-1].name) == ("succeeded", ODD_NAME)
    assert client.wait(job.id).result == events[-1].result
    client.close()


def test_typed_for_who_uses_it() -> None:
    assert (Path(endpoints.__file__).parents[1] / "py.typed").exists()
