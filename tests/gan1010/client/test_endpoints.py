"""Endpoints of both clients, against the application."""

import inspect
import io
import re
from typing import Any, get_args

import numpy as np
import pytest

from gan1010 import Model
from gan1010.client import AsyncClient, Client, responses
from gan1010.client.calls import Call, Endpoint, url_path
from gan1010.client.endpoints import Endpoints
from gan1010.client.responses import Job, JobProgress
from gan1010.client.settings import TrainSettings
from service import job
from service.api.schemas.training import TrainRequest
from service.cli import jobs
from tests.support import clients
from tests.support.both_clients import CLIENT_KINDS, BlockingAsyncClient, make_client
from tests.support.clients import Server
from tests.support.contract import LONG_JOB

SCHEMA_NAMES = {  # of the models whose schema does not have their name
    "JobProgress": "ProgressOut", "Samples": "SampleOut", "Scores": "ScoreOut", "ModelInfo": "ModelOut",
    "Results": "CellPage", "Page": "MemberPage",
}  # fmt: skip
ARGUMENTS = {"job_id": "x", "index": 1, "vectors": [[1.0]], "file": "y"}
ODD_NAME = "line\u2028separator, \x85 and é"


@pytest.fixture(params=CLIENT_KINDS)
def client(request: pytest.FixtureRequest, shared_client: clients.Client) -> Any:
    return make_client(request.param, shared_client)


@pytest.fixture(scope="module")
def sweep_job(shared_client: clients.Client) -> Job:
    grid = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1]}
    client: Client = make_client("blocking", shared_client)
    return client.sweep(base={"iterations": 300}, grid=grid, seeds={"start": 7, "count": 5}, name="four", wait=20)


def test_train_with_settings_and_wait(client: Any) -> None:
    job = client.train(preset="article-bce", seed=5, hidden_size=4, name="mine", wait=20)
    assert (job.status, job.has_ended, job.name, job.iteration) == ("succeeded", True, "mine", 10_000)
    assert (job.config["loss"], job.config["hidden_size"], job.result.bits) == ("bce", 4, "1010")
    assert client.wait(job.id) == client.job(job.id, wait=1) == client.job(job.id) == job


def test_idempotency_key_makes_one_job(client: Any) -> None:
    keyed = {"idempotency_key": "once", "seed": 1, "iterations": 50}
    assert client.train(**keyed).id == client.train(**keyed).id
    assert client.train(seed=1, iterations=50).id != client.train(seed=1, iterations=50).id


def test_pages_of_jobs_are_followed(client: Any) -> None:
    started = [client.train(seed=1, iterations=50, wait=20).id for _ in range(3)]
    page = client.jobs(limit=1, kind="train", status="succeeded")
    assert ([job.id for job in page.data], page.next) == (started[-1:], started[-1])
    listed = [job.id for job in client.each(client.jobs, limit=1, kind="train")]
    assert listed[:3] == started[::-1]
    assert len(set(listed)) == len(listed)


def test_job_is_edited_and_found(client: Any) -> None:
    job = client.train(iterations=100, wait=20, name="before")
    edited = client.edit(job.id, name=None, tags=["one", f"of-{job.id}"])
    assert (edited.name, edited.note, edited.tags) == (None, None, ["one", f"of-{job.id}"])
    page = client.jobs(q=f"iterations=100 #of-{job.id}", sort="-generator_loss")
    assert page.data == [edited]
    several = [listed.id for listed in client.each(client.jobs, sort="name", limit=2)]
    assert len(several) == len(set(several)) == len(client.jobs(limit=1000).data)


def test_job_is_paused_resumed_cancelled_and_deleted(client: Any) -> None:
    job = client.train(**LONG_JOB)
    assert client.pause(job.id).status == "paused"
    assert client.resume(job.id).status in ("queued", "running")
    assert client.cancel(job.id).status == "cancelled"
    assert client.delete(job.id) is None
    others = [client.train(iterations=1, wait=20).id for _ in range(2)]
    assert client.delete_jobs(ids=others).deleted == 2
    assert not {job.id, *others} & {listed.id for listed in client.jobs().data}
    with pytest.raises(ValueError, match="ids is empty"):
        client.delete_jobs(ids=[], status=["succeeded"])


def test_watch_yields_the_job_until_it_has_ended(client: Any) -> None:
    job = client.train(**LONG_JOB)
    states = []
    for state in client.watch(job.id, every=0.01):
        states.append(state)
        if len(states) == 3:
            client.cancel(job.id)
    assert [state.has_ended for state in states] == [False] * (len(states) - 1) + [True]
    iterations = [state.iteration for state in states]
    assert iterations == sorted(iterations)


def test_wait_raises_a_timeout_error(client: Any) -> None:
    job = client.train(**LONG_JOB)
    with pytest.raises(TimeoutError, match=job.id):
        client.wait(job.id, timeout=0.01)
    client.cancel(job.id)


def test_losses(client: Any, article_job: Any) -> None:
    progress = client.progress(article_job["id"], after=9_000)
    assert (progress.series.iteration[0], progress.next_after) == (9_005, 10_000)
    assert len(client.progress(article_job["id"], max_points=100).series.generator_loss) <= 100
    assert client.progress_csv(article_job["id"], after=9_990).startswith("iteration,discriminator_real_loss")
    lists = client.article_progress(article_job["id"])
    assert (len(lists.discriminator), len(lists.generator)) == (2_000, 1_000)


def test_snapshots(client: Any, article_job: Any, discriminator_job: Any) -> None:
    snapshots = client.snapshots(article_job["id"])
    assert (len(snapshots.iterations), len(snapshots.samples), snapshots.weights) == (101, 101, None)
    weights = client.snapshots(article_job["id"], weights=True).weights
    assert (len(weights.generator), weights.shapes["generator"]["0.weight"]) == (101, [3, 1])
    assert client.snapshots(discriminator_job["id"]).samples == []
    arrays = np.load(io.BytesIO(client.snapshots_npz(article_job["id"])))
    assert arrays["generator.0.weight"].shape == (101, 3, 1)


def test_events_contain_every_loss_and_end_with_the_job(client: Any) -> None:
    job = client.train(seed=3, wait=20)
    events = list(client.events(job.id))
    losses = [iteration for event in events if isinstance(event, JobProgress) for iteration in event.series.iteration]
    assert losses == list(range(5, 10_005, 5))
    assert events[-1] == job
    assert next(iter(client.events(job.id, after=9_990))).series.iteration == [9_995, 10_000]
    assert list(client.events(job.id, after=10_000)) == [job]  # the service responds with 204


def test_plots_and_script(client: Any, article_job: Any, sweep_job: Job) -> None:
    assert client.plot(article_job["id"]).startswith(b"\x89PNG")
    assert b"<svg" in client.plot(article_job["id"], "surface", "svg", iteration=5000)
    assert client.plot(article_job["id"], "surface") != client.plot(article_job["id"], "surface", iteration=0)
    assert client.heatmap(sweep_job.id, x="loss", y="learning_rate", value="bits_rate").startswith(b"\x89PNG")
    assert "manual_seed" in client.script(article_job["id"])
    assert "philox" in client.script(article_job["id"], draws="same")


def test_sample_and_score(client: Any, article_job: Any) -> None:
    samples = client.sample([0.5, 0.7], job_id=article_job["id"], iteration=5000)
    assert (samples.iteration, samples.seeds, len(samples.samples), samples.pattern) == (5000, [0.5, 0.7], 2, "1010")
    assert client.sample(job_id=article_job["id"]).samples == [article_job["result"]["sample"]]
    assert client.sample().seeds == [0.5]
    scores = client.score([[0.9, 0.1, 0.9, 0.1], (0, 0, 0, 0)], job_id=article_job["id"])
    assert (len(scores.scores), scores.job_id) == (2, article_job["id"])


def test_numbers_and_arrays_of_numpy_are_sent_as_those_of_python(client: Any, article_job: Any) -> None:
    job = client.train(seed=np.int64(3), iterations=np.int32(50), learning_rate=np.float32(0.5), wait=np.int8(10))
    assert (job.config["seed"], job.config["iterations"], job.config["learning_rate"]) == (3, 50, 0.5)
    samples = client.sample(np.array([0.25, 0.5], np.float32), job_id=article_job["id"], iteration=np.int64(5000))
    assert (samples.seeds, samples.iteration) == ([0.25, 0.5], 5000)
    vectors = np.array([[0.9, 0.1, 0.9, 0.1], [0, 0, 0, 0]])
    assert client.score(vectors).scores == client.score(vectors.tolist()).scores
    base, grid = {"iterations": np.int64(20), "loss": "bce"}, {"spread": np.array([0.25, 0.5]), "optimizer": "adam"}
    config = client.sweep(base=base, grid=grid, seeds=np.int64(2)).config
    assert config["grid"] == {"spread": [0.25, 0.5], "optimizer": ["adam"]}
    assert config["seeds"] == {"start": 0, "count": 2}
    assert client.sweep(base={"iterations": 20}, grid={"hidden_size": 2}).config["grid"] == {"hidden_size": [2]}


@pytest.mark.parametrize(
    ("method", "arguments", "place"),
    [
        ("score", {"vectors": [[0, 1], [1, float("nan")]]}, "vectors.1.1"),
        ("sample", {"latents": (0.5, float("inf"))}, "seeds.1"),
        ("train", {"learning_rate": float("nan")}, "learning_rate"),
        ("sweep", {"grid": {"spread": [0.1, float("-inf")]}}, "grid.spread.1"),
        ("sweep", {"base": {"latent_value": np.float64("nan")}}, "base.latent_value"),
        ("score", {"vectors": np.array([[0, np.nan]], np.float32)}, "vectors.0.1"),
    ],
)
def test_number_that_is_not_finite_is_a_value_error(
    client: Any, method: str, arguments: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValueError, match=f"^{place} is not a finite number$"):
        getattr(client, method)(**arguments)


def test_models_are_listed_and_downloaded(client: Any, article_job: Any) -> None:
    (model,) = [model for model in client.each(client.models, limit=100) if model.job_id == article_job["id"]]
    content = client.download(article_job["id"], "model.safetensors")
    assert len(content) == model.bytes
    assert isinstance(Model.from_bytes(content), Model)


def test_sweeps(client: Any, sweep_job: Job) -> None:
    assert (sweep_job.kind, sweep_job.iteration) == ("sweep", 20)
    results = client.results(sweep_job.id)
    assert [cell.count for cell in results.data] == [5, 5, 5, 5]
    assert results.data[3].config == {"loss": "bce", "learning_rate": 0.1}
    assert client.results_csv(sweep_job.id, limit=2).count("\r\n") == 3
    assert client.members_csv(sweep_job.id, cell=2).count("\r\n") == 1 + sweep_job.config["seeds"]["count"]
    arrays = np.load(io.BytesIO(client.members_npz(sweep_job.id)))
    assert arrays["index"].tolist() == list(range(sweep_job.iterations))
    assert client.results(sweep_job.id, limit=3, after=0).data[0].cell == 1
    page = client.members(sweep_job.id, cell=2, limit=3)
    assert ([member.index for member in page.data], page.next) == ([10, 11, 12], 12)
    assert client.members(sweep_job.id, in_range=False).data[0].in_range is False
    again = client.train_member(sweep_job.id, 11, wait=20)
    assert (again.config["seed"], again.result.sample) == (8, page.data[1].sample)


def test_presets_and_operations(client: Any) -> None:
    assert client.presets()[0].name == "article"
    assert client.health().status == "ok"
    assert client.ready() is True
    assert "# TYPE" in client.metrics()
    assert (client.cluster().scheduler, client.cluster().workers) == (None, [])


def test_every_route_has_a_method_and_every_method_a_route(shared_client: clients.Client) -> None:
    calls = [("GET", url_path("jobs", "x", "events"))]
    for _, endpoint in inspect.getmembers_static(Endpoints):
        if isinstance(endpoint, Endpoint):
            names = inspect.signature(endpoint.build).parameters.keys() & ARGUMENTS.keys()
            call: Call[Any] = endpoint.build(None, **{name: ARGUMENTS[name] for name in names})
            calls.append((call.method, call.path))
    routes = {
        (method.upper(), path)
        for path, operations in shared_client.get("/openapi.json").json()["paths"].items()
        if not path.startswith("/v2")  # the Open Inference Protocol has clients of its own
        for method in operations
    } - {("GET", "/sample")}  # POST /sample does the same
    patterns = {route: re.compile(re.sub(r"\{\w+\}", "[^/]+", route[1])) for route in routes}
    reached = {
        call: {route for route in routes if route[0] == call[0] and patterns[route].fullmatch(call[1])}
        for call in calls
    }
    assert [call for call in calls if not reached[call]] == []
    assert routes - set().union(*reached.values()) == set()


def test_response_models_have_the_fields_of_the_schemas(shared_client: clients.Client) -> None:
    schemas = shared_client.get("/openapi.json").json()["components"]["schemas"]
    for name, model in inspect.getmembers(responses, inspect.isclass):
        if model.__module__ == responses.__name__ and name.isidentifier() and name != "ResponseModel":
            schema = schemas.get(SCHEMA_NAMES.get(name, f"{name}Out")) or schemas[name]
            assert model.model_fields.keys() == schema["properties"].keys(), name


def test_settings_and_statuses_are_those_of_the_service() -> None:
    assert TrainSettings.__annotations__.keys() | {"name"} == TrainRequest.model_fields.keys()
    assert get_args(responses.Status) == get_args(jobs.Status) == get_args(job.Status)


@pytest.mark.parametrize("kind", CLIENT_KINDS)
def test_events_over_a_socket(
    server: Server, shared_client: clients.Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN1010_URL", f"{server.url}/")
    client: Any = Client() if kind == "blocking" else BlockingAsyncClient(AsyncClient(), shared_client.portal)
    job = client.train(iterations=3_000_000, record_every=1_000, name=ODD_NAME)
    events = list(client.events(job.id))
    assert sum(len(event.series.iteration) for event in events if isinstance(event, JobProgress)) == 3_000
    assert (events[-1].status, events[-1].name) == ("succeeded", ODD_NAME)
    assert client.wait(job.id).result == events[-1].result
    client.close()
