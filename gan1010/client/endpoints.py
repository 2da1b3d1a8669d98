"""Every call of the contract, described: what to send, and what the answer is. Nothing here sends anything.

`Client` and `AsyncClient` have each of these functions as a method, under its name and with its parameters.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from gan1010.client import responses
from gan1010.client.responses import Kind, Status
from gan1010.client.settings import NamedSettings, SeedRange, TrainSettings

T = TypeVar("T")
Plot = Literal["losses", "evolution", "surface"]
Format = Literal["png", "svg"]
MAX_WAIT_SECONDS = 30  # seconds that the service waits for a job's end


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request, and what its answer means.

    `repeatable`: it may be sent again when nobody knows whether it arrived, for it does the same twice as once.
    """

    method: str = "GET"
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    patience: float = 0  # seconds that the service may take besides
    repeatable: bool = True
    accepted: frozenset[int] = frozenset()  # statuses that are an answer, though not a success


def train(
    *, wait: float = 0, idempotency_key: str | None = None, **settings: Unpack[NamedSettings]
) -> Call[responses.Job]:
    """Start a training, the article's when no settings are given; answered when it has ended or `wait` is over."""
    return _start("/train", wait, idempotency_key, dict(settings))


def sweep(
    *,
    base: TrainSettings | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | SeedRange = 100,
    name: str | None = None,
    wait: float = 0,
    idempotency_key: str | None = None,
) -> Call[responses.Job]:
    """Start a sweep: a GAN for every combination of the grid's values and every seed."""
    body: dict[str, Any] = {"base": dict(base or {}), "seeds": seeds, "name": name}
    if grid is not None:
        body["grid"] = {setting: list(values) for setting, values in grid.items()}
    return _start("/sweeps", wait, idempotency_key, body)


def train_member(
    job_id: str, index: int, *, wait: float = 0, idempotency_key: str | None = None
) -> Call[responses.Job]:
    """Train a member of a sweep again, by itself: the same weights to the last bit."""
    return _start(_path("sweeps", job_id, "members", index, "train"), wait, idempotency_key, None)


def jobs(
    *, status: Status | None = None, kind: Kind | None = None, limit: int = 50, after: str | None = None
) -> Call[responses.Page[responses.Job]]:
    """List the jobs, newest first."""
    return _get("/jobs", responses.Page[responses.Job], status=status, kind=kind, limit=limit, after=after)


def job(job_id: str, *, wait: float = 0) -> Call[responses.Job]:
    """Look at a job; with `wait`, as soon as it has ended or so many seconds are over."""
    params = {"wait": wait} if wait else {}
    return Call(path=job_path(job_id), params=params, parse=_as(responses.Job), patience=wait)


def cancel(job_id: str) -> Call[responses.Job]:
    """Cancel a job; answered once it has stopped."""
    return Call(method="POST", path=job_path(job_id, "cancel"), parse=_as(responses.Job))


def pause(job_id: str) -> Call[responses.Job]:
    """Pause a job; answered once it has stopped, with all that it needs to go on kept."""
    return Call(method="POST", path=job_path(job_id, "pause"), parse=_as(responses.Job), repeatable=False)


def resume(job_id: str) -> Call[responses.Job]:
    """Have a paused job go on where it was."""
    return Call(method="POST", path=job_path(job_id, "resume"), parse=_as(responses.Job), repeatable=False)


def delete(job_id: str) -> Call[None]:
    """Delete a job that has ended, with its history and its model."""
    return Call(method="DELETE", path=job_path(job_id), parse=lambda _: None, repeatable=False)


def progress(job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[responses.JobProgress]:
    """The losses of a job past an iteration, thinned to at most `max_points` if that is given."""
    return _get(job_path(job_id, "progress"), responses.JobProgress, after=after, max_points=max_points)


def progress_csv(job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[str]:
    """The same as CSV."""
    return _csv(job_path(job_id, "progress"), after=after, max_points=max_points)


def article_progress(job_id: str) -> Call[responses.ArticleProgress]:
    """The two lists that the article's program would have kept."""
    return _get(job_path(job_id, "progress"), responses.ArticleProgress, view="article")


def snapshots(job_id: str, *, weights: bool = False) -> Call[responses.Snapshots]:
    """The moments that were kept, and what G made at each; with the weights of both networks if asked for."""
    return _get(job_path(job_id, "snapshots"), responses.Snapshots, weights=str(weights).lower())


def snapshots_npz(job_id: str) -> Call[bytes]:
    """The same with all weights, as NumPy arrays in an `.npz` file."""
    path = job_path(job_id, "snapshots")
    return Call(
        path=path,
        params={"weights": "true"},
        headers={"Accept": "application/x-npz"},
        parse=lambda answer: answer.content,
    )


def plot(job_id: str, plot: Plot = "losses", format: Format = "png", *, iteration: int | None = None) -> Call[bytes]:
    """A picture of a job; the surface, which is of one moment, of any that was kept."""
    return _bytes(job_path(job_id, "plots", f"{plot}.{format}"), iteration=iteration)


def script(job_id: str) -> Call[str]:
    """The run as a program in plain PyTorch."""
    return Call(path=job_path(job_id, "script.py"), parse=_text)


def sample(
    seeds: Sequence[float] = (0.5,), *, job_id: str | None = None, iteration: int | None = None
) -> Call[responses.Samples]:
    """G's output for each seed, of the job that succeeded last if none is named, at any kept iteration."""
    body = {"seeds": list(seeds), "job_id": job_id, "iteration": iteration}
    return Call(method="POST", path="/sample", json=_given(body), parse=_as(responses.Samples))


def score(
    vectors: Sequence[Sequence[float]], *, job_id: str | None = None, iteration: int | None = None
) -> Call[responses.Scores]:
    """D's answer to each vector, 0 fake to 1 real."""
    body = {"vectors": [list(vector) for vector in vectors], "job_id": job_id, "iteration": iteration}
    return Call(method="POST", path="/score", json=_given(body), parse=_as(responses.Scores))


def models(*, limit: int = 50, after: str | None = None) -> Call[responses.Page[responses.ModelInfo]]:
    """List the finished models, newest first."""
    return _get("/models", responses.Page[responses.ModelInfo], limit=limit, after=after)


def download(job_id: str, file: str) -> Call[bytes]:
    """A file of a finished model, such as `generator.safetensors`, `discriminator.onnx` or `triton.zip`."""
    return _bytes(_path("models", job_id, file))


def presets() -> Call[list[responses.Preset]]:
    """The named configurations, each with what it is known to do."""
    adapter = TypeAdapter(list[responses.Preset])
    return Call(path="/presets", parse=lambda answer: adapter.validate_python(answer.json()["data"]))


def results(job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[responses.Results]:
    """What has come of a sweep so far, cell by cell."""
    return _get(_path("sweeps", job_id, "results"), responses.Results, limit=limit, after=after)


def results_csv(job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[str]:
    """The same as CSV."""
    return _csv(_path("sweeps", job_id, "results"), limit=limit, after=after)


def members(
    job_id: str,
    *,
    cell: int | None = None,
    in_range: bool | None = None,
    limit: int = 50,
    after: int | None = None,
) -> Call[responses.Page[responses.Member]]:
    """The members of a sweep that are done, GAN by GAN."""
    inside = None if in_range is None else str(in_range).lower()
    page = responses.Page[responses.Member]
    return _get(_path("sweeps", job_id, "members"), page, cell=cell, in_range=inside, limit=limit, after=after)


def heatmap(
    job_id: str,
    format: Format = "png",
    *,
    x: str | None = None,
    y: str | None = None,
    value: str = "in_range_rate",
) -> Call[bytes]:
    """A figure of a sweep's cells over two settings, as a picture."""
    return _bytes(_path("sweeps", job_id, "plots", f"heatmap.{format}"), x=x, y=y, value=value)


def health() -> Call[responses.Health]:
    """Whether the process serves."""
    return _get("/healthz", responses.Health)


def ready() -> Call[bool]:
    """Whether it is ready for work."""
    return Call(path="/readyz", parse=lambda answer: answer.status_code == 200, accepted=frozenset({503}))


def metrics() -> Call[str]:
    """Figures in the text format of Prometheus."""
    return Call(path="/metrics", parse=_text)


def _start(path: str, wait: float, key: str | None, body: Any) -> Call[responses.Job]:
    """Start a job: with a key, so that sent twice it is started once."""
    return Call(
        method="POST",
        path=path,
        params={"wait": wait} if wait else {},
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
        json=body,
        parse=_as(responses.Job),
        patience=wait,
    )


def _get(path: str, meaning: type[T], /, **params: Any) -> Call[T]:
    return Call(path=path, params=_given(params), parse=_as(meaning))


def _bytes(path: str, **params: Any) -> Call[bytes]:
    return Call(path=path, params=_given(params), parse=_content)


def _csv(path: str, **params: Any) -> Call[str]:
    return Call(path=path, params=_given(params), headers={"Accept": "text/csv"}, parse=_text)


def _as(kind: type[T]) -> Callable[[httpx.Response], T]:
    return lambda answer: TypeAdapter(kind).validate_json(answer.content)


def _content(answer: httpx.Response) -> bytes:
    return answer.content


def _text(answer: httpx.Response) -> str:
    return answer.text


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def job_path(job_id: str, *parts: str) -> str:
    """The path of a job, or of something of it."""
    return _path("jobs", job_id, *parts)


def _path(*parts: str | int) -> str:
    """A path, whatever is in its parts."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)
