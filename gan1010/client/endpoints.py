"""Endpoints: one function for each call, which returns the request and the parser of its response.

`Client` and `AsyncClient` have each function of this module as a method with the same name and parameters.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from gan1010.client import responses
from gan1010.client.errors import ClientError
from gan1010.client.responses import Job, Kind, Page, Status
from gan1010.client.settings import SeedRange, TrainSettings

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)
Plot = Literal["losses", "evolution", "surface"]
Format = Literal["png", "svg"]
MAX_WAIT_SECONDS = 30  # the service's limit of `wait`


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request and the parser of its response.

    `wait_seconds` is how long the service may delay its response until the job ends. An idempotent call can be sent
    again when the service may have acted on it already. `success_statuses` are expected besides 2xx.
    """

    method: str = "GET"
    path: str
    parser: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    wait_seconds: float = 0
    is_idempotent: bool = True
    success_statuses: frozenset[int] = frozenset()

    def is_success(self, response: httpx.Response) -> bool:
        """Return whether the response is one to parse."""
        return response.is_success or response.status_code in self.success_statuses

    def parse(self, response: httpx.Response) -> T:
        """Parse a successful response.

        Raises:
            ClientError: The response is not one of gan1010's.
        """
        try:
            return self.parser(response)
        except ValueError as error:
            raise ClientError(f"{response.request.url} did not send a gan1010 response: {error}") from error


def train(
    *, name: str | None = None, wait: float = 0, idempotency_key: str | None = None, **settings: Unpack[TrainSettings]
) -> Call[Job]:
    """Start a training, by default the article's; the response comes when it has ended or after `wait` seconds."""
    return _start("/train", wait, idempotency_key, {**_without_none(name=name), **settings})


def sweep(
    *,
    base: TrainSettings | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | SeedRange = 100,
    name: str | None = None,
    wait: float = 0,
    idempotency_key: str | None = None,
) -> Call[Job]:
    """Start a sweep: one training for every combination of the grid's values and every random seed."""
    values = grid and {setting: list(values) for setting, values in grid.items()}
    body = _without_none(base=base, grid=values, seeds=seeds, name=name)
    return _start("/sweeps", wait, idempotency_key, body)


def train_member(job_id: str, index: int, *, wait: float = 0, idempotency_key: str | None = None) -> Call[Job]:
    """Train one member of a sweep again as a job of its own. Its weights are the same to the last bit."""
    return _start(_path("sweeps", job_id, "members", index, "train"), wait, idempotency_key, None)


def jobs(
    *, status: Status | None = None, kind: Kind | None = None, limit: int = 50, after: str | None = None
) -> Call[Page[Job]]:
    """List the jobs, newest first."""
    return _get("/jobs", Page[Job], status=status, kind=kind, limit=limit, after=after)


def job(job_id: str, *, wait: float = 0) -> Call[Job]:
    """Get a job; the response comes when it has ended or after `wait` seconds."""
    return Call(path=job_path(job_id), parser=_parser(Job), wait_seconds=wait)


def cancel(job_id: str) -> Call[Job]:
    """Cancel a job and wait until it has stopped."""
    return Call(method="POST", path=job_path(job_id, "cancel"), parser=_parser(Job))


def pause(job_id: str) -> Call[Job]:
    """Pause a job and wait until it has stopped and its checkpoint is persisted."""
    return Call(method="POST", path=job_path(job_id, "pause"), parser=_parser(Job), is_idempotent=False)


def resume(job_id: str) -> Call[Job]:
    """Resume a paused job."""
    return Call(method="POST", path=job_path(job_id, "resume"), parser=_parser(Job), is_idempotent=False)


def delete(job_id: str) -> Call[None]:
    """Delete a job that has ended, with its history and its model."""
    return Call(method="DELETE", path=job_path(job_id), parser=lambda _: None, is_idempotent=False)


def progress(job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[responses.JobProgress]:
    """Get a job's losses after an iteration, thinned to at most `max_points`."""
    return _get(job_path(job_id, "progress"), responses.JobProgress, after=after, max_points=max_points)


def progress_csv(job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[str]:
    """Get a job's losses as CSV."""
    return _get_csv(job_path(job_id, "progress"), after=after, max_points=max_points)


def article_progress(job_id: str) -> Call[responses.ArticleProgress]:
    """Get the two lists of losses that the article's program records."""
    return _get(job_path(job_id, "progress"), responses.ArticleProgress, view="article")


def snapshots(job_id: str, *, weights: bool = False) -> Call[responses.Snapshots]:
    """Get G's output at each snapshot, and the weights of both networks on request."""
    return _get(job_path(job_id, "snapshots"), responses.Snapshots, weights=weights)


def snapshots_npz(job_id: str) -> Call[bytes]:
    """Get the snapshots with all weights as an `.npz` file of NumPy arrays."""
    headers = {"Accept": "application/x-npz"}
    return Call(path=job_path(job_id, "snapshots"), params={"weights": True}, headers=headers, parser=_content)


def plot(job_id: str, plot: Plot = "losses", format: Format = "png", *, iteration: int | None = None) -> Call[bytes]:
    """Get a plot of a job; `iteration` selects the snapshot of the surface."""
    return _get_bytes(job_path(job_id, "plots", f"{plot}.{format}"), iteration=iteration)


def script(job_id: str) -> Call[str]:
    """Get the training as a program in plain PyTorch."""
    return Call(path=job_path(job_id, "script.py"), parser=_text)


def sample(
    latents: Sequence[float] = (0.5,), *, job_id: str | None = None, iteration: int | None = None
) -> Call[responses.Samples]:
    """Get G's output for each latent, from the last job that succeeded or from a snapshot of any job."""
    body = _without_none(seeds=list(latents), job_id=job_id, iteration=iteration)
    return Call(method="POST", path="/sample", json=body, parser=_parser(responses.Samples))


def score(
    vectors: Sequence[Sequence[float]], *, job_id: str | None = None, iteration: int | None = None
) -> Call[responses.Scores]:
    """Get D's score of each vector: 0 is fake, 1 is real."""
    body = _without_none(vectors=[list(vector) for vector in vectors], job_id=job_id, iteration=iteration)
    return Call(method="POST", path="/score", json=body, parser=_parser(responses.Scores))


def models(*, limit: int = 50, after: str | None = None) -> Call[Page[responses.ModelInfo]]:
    """List the finished models, newest first."""
    return _get("/models", Page[responses.ModelInfo], limit=limit, after=after)


def download(job_id: str, file: str) -> Call[bytes]:
    """Get a file of a finished model, such as `generator.safetensors`, `discriminator.onnx` or `triton.zip`."""
    return _get_bytes(_path("models", job_id, file))


def presets() -> Call[list[responses.Preset]]:
    """List the presets."""
    parse = _parser(responses.PresetList)
    return Call(path="/presets", parser=lambda response: parse(response).data)


def results(job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[responses.Results]:
    """List the results of a sweep's cells, also while it runs."""
    return _get(_path("sweeps", job_id, "results"), responses.Results, limit=limit, after=after)


def results_csv(job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[str]:
    """Get the results of a sweep's cells as CSV."""
    return _get_csv(_path("sweeps", job_id, "results"), limit=limit, after=after)


def members(
    job_id: str, *, cell: int | None = None, in_range: bool | None = None, limit: int = 50, after: int | None = None
) -> Call[Page[responses.Member]]:
    """List the finished members of a sweep."""
    path = _path("sweeps", job_id, "members")
    return _get(path, Page[responses.Member], cell=cell, in_range=in_range, limit=limit, after=after)


def heatmap(
    job_id: str, format: Format = "png", *, x: str | None = None, y: str | None = None, value: str = "in_range_rate"
) -> Call[bytes]:
    """Get a heat map of one figure of a sweep's cells over two settings."""
    return _get_bytes(_path("sweeps", job_id, "plots", f"heatmap.{format}"), x=x, y=y, value=value)


def health() -> Call[responses.Health]:
    """Get the process's health."""
    return _get("/healthz", responses.Health)


def ready() -> Call[bool]:
    """Return whether the service accepts work."""
    return Call(path="/readyz", parser=lambda response: response.is_success, success_statuses=frozenset({503}))


def metrics() -> Call[str]:
    """Get the metrics in the text format of Prometheus."""
    return Call(path="/metrics", parser=_text)


def job_path(job_id: str, *parts: str) -> str:
    """Return the path of a job or of one of its resources."""
    return _path("jobs", job_id, *parts)


def _start(path: str, wait: float, idempotency_key: str | None, body: Any) -> Call[Job]:
    """Start a job; the key makes the call idempotent."""
    headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    return Call(method="POST", path=path, headers=headers, json=body, parser=_parser(Job), wait_seconds=wait)


def _get(path: str, model: type[ModelT], **params: Any) -> Call[ModelT]:
    return Call(path=path, params=_without_none(**params), parser=_parser(model))


def _get_bytes(path: str, **params: Any) -> Call[bytes]:
    return Call(path=path, params=_without_none(**params), parser=_content)


def _get_csv(path: str, **params: Any) -> Call[str]:
    return Call(path=path, params=_without_none(**params), headers={"Accept": "text/csv"}, parser=_text)


def _parser(model: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    return lambda response: model.model_validate_json(response.content)


def _content(response: httpx.Response) -> bytes:
    return response.content


def _text(response: httpx.Response) -> str:
    return response.text


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _path(*parts: str | int) -> str:
    """Join percent-encoded parts to a path."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)
