"""Endpoints: one method for each, which both clients have.

A method of `Endpoints` builds the request and says how to parse the response; `Client` and `AsyncClient` send it.
"""

import functools
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, Unpack, overload
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from gan1010.client import responses
from gan1010.client.errors import ClientError
from gan1010.client.json_content import as_list, non_finite_place, plain
from gan1010.client.responses import EndedStatus, Job, Kind, Page, Status
from gan1010.client.settings import JobEdit, SeedRange, TrainSettings

P = ParamSpec("P")
T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)
Plot = Literal["losses", "evolution", "surface"]
Format = Literal["png", "svg"]
Draws = Literal["torch", "same"]


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request and the parser of its response. Parameters that are None are not sent.

    An idempotent call can be sent again when the service may have acted on it already. `success_statuses` are expected
    besides 2xx.
    """

    method: str = "GET"
    path: str
    parser: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    is_idempotent: bool = True
    success_statuses: frozenset[int] = frozenset()

    def build_request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Build the request, with a read timeout that allows for the time the service is asked to wait.

        Raises:
            ValueError: the body has a number that is not finite, or text that UTF-8 cannot encode.
        """
        timeout = http.timeout.as_dict()
        if timeout["read"] is not None:
            timeout["read"] += self.params.get("wait", 0)
        try:
            return http.build_request(
                self.method,
                self.path,
                params={name: value for name, value in self.params.items() if value is not None},
                headers=self.headers,
                json=plain(self.json),
                extensions={"timeout": timeout},
            )
        except ValueError:
            if place := non_finite_place(plain(self.json)):
                raise ValueError(f"{place} is not a finite number") from None
            raise

    def is_success(self, response: httpx.Response) -> bool:
        """Return whether the response is one to parse."""
        return response.is_success or response.status_code in self.success_statuses

    def parse(self, response: httpx.Response) -> T:
        """Parse a successful response; raise a ClientError if it is not one of gan1010's."""
        try:
            return self.parser(response)
        except ValueError as error:
            raise ClientError(f"{response.request.url} did not send a gan1010 response: {error}") from error


class _Sender(Protocol):
    def send(self, call: Call[T]) -> T: ...


class _AsyncSender(Protocol):
    def send(self, call: Call[T]) -> Awaitable[T]: ...


class Endpoint(Generic[P, T]):
    """Decorator of a method that builds a call: the client sends the call."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.build = build

    @overload
    def __get__(self, client: _Sender, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: _AsyncSender, owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self.build

        @functools.wraps(self.build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self.build(client, *args, **kwargs))

        return method


class Endpoints:
    """The methods of both clients; those of `AsyncClient` are awaited."""

    @Endpoint
    def train(
        self,
        *,
        name: str | None = None,
        wait: float = 0,
        idempotency_key: str | None = None,
        **settings: Unpack[TrainSettings],
    ) -> Call[Job]:
        """Start a training, by default the article's; the response comes when it has ended or after `wait` seconds."""
        return _start("/train", wait, idempotency_key, {"name": name, **settings})

    @Endpoint
    def sweep(
        self,
        *,
        base: TrainSettings | None = None,
        grid: Mapping[str, Any] | None = None,
        seeds: int | SeedRange = 100,
        name: str | None = None,
        wait: float = 0,
        idempotency_key: str | None = None,
    ) -> Call[Job]:
        """Start a sweep: one training for every combination of the grid's values and every random seed.

        `grid` has the value or the values of each setting that varies.
        """
        values = {setting: as_list(values) for setting, values in (grid or {}).items()}
        body = {"base": base or {}, "grid": values, "seeds": seeds, "name": name}
        return _start("/sweeps", wait, idempotency_key, body)

    @Endpoint
    def train_member(
        self, job_id: str, index: int, *, wait: float = 0, idempotency_key: str | None = None
    ) -> Call[Job]:
        """Train one member of a sweep again as a job of its own. Its weights are the same to the last bit."""
        return _start(url_path("sweeps", job_id, "members", index, "train"), wait, idempotency_key)

    @Endpoint
    def jobs(
        self,
        *,
        status: Status | None = None,
        kind: Kind | None = None,
        name: str | None = None,
        prefix: str | None = None,
        q: str | None = None,
        sort: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Call[Page[Job]]:
        """List the jobs, newest first.

        Args:
            status: only jobs in this status.
            kind: only jobs of this kind.
            name: only jobs of this name.
            prefix: the beginning of their ids.
            q: words that a job has in its name, note, tags, id or settings, such as `loss=bce`.
            sort: another order: `name`, `generator_loss` and others, descending with `-` before it.
            limit: the length of the page.
            after: `next` of the previous page.
        """
        filters = {"status": status, "kind": kind, "name": name, "prefix": prefix, "q": q, "sort": sort}
        return Call(path="/jobs", parser=_model(Page[Job]), params=filters | {"limit": limit, "after": after})

    @Endpoint
    def job(self, job_id: str, *, wait: float = 0) -> Call[Job]:
        """Get a job; the response comes when it has ended or after `wait` seconds."""
        return _get(url_path("jobs", job_id), _model(Job), wait=wait)

    @Endpoint
    def edit(self, job_id: str, **changes: Unpack[JobEdit]) -> Call[Job]:
        """Change the name, the note or the tags of a job, whatever its status."""
        return Call(method="PATCH", path=url_path("jobs", job_id), json=changes, parser=_model(Job))

    @Endpoint
    def cancel(self, job_id: str) -> Call[Job]:
        """Cancel a job and wait until it has stopped."""
        return _post(url_path("jobs", job_id, "cancel"), Job)

    @Endpoint
    def pause(self, job_id: str) -> Call[Job]:
        """Pause a job and wait until it has stopped and its checkpoint is persisted."""
        return _post(url_path("jobs", job_id, "pause"), Job, is_idempotent=False)

    @Endpoint
    def resume(self, job_id: str) -> Call[Job]:
        """Resume a paused job."""
        return _post(url_path("jobs", job_id, "resume"), Job, is_idempotent=False)

    @Endpoint
    def delete(self, job_id: str) -> Call[None]:
        """Delete a job that has ended, with its history and its model."""
        return Call(method="DELETE", path=url_path("jobs", job_id), parser=lambda _: None, is_idempotent=False)

    @Endpoint
    def delete_jobs(
        self,
        *,
        status: Sequence[EndedStatus] | None = None,
        before: datetime | None = None,
        name: str | None = None,
        keep: int | None = None,
        ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Call[responses.DeletedJobs]:
        """Delete ended jobs that meet all conditions, for some seconds. Repeat the call while jobs remain.

        Args:
            status: only jobs in one of these statuses.
            before: only jobs that ended before this time, which has a time zone.
            name: only jobs of this name.
            keep: keep so many of the newest jobs in these statuses.
            ids: only jobs with one of these ids; about 500 fit into a request.
            dry_run: delete nothing, and count the jobs.

        Raises:
            ValueError: `ids` is empty, which would select jobs with any id.
        """
        if ids is not None and not ids:
            raise ValueError("ids is empty. Pass None for jobs with any id.")
        time = None if before is None else before.isoformat()
        params = {"status": status, "before": time, "name": name, "keep": keep, "id": ids, "dry_run": dry_run}
        return Call(method="DELETE", path="/jobs", params=params, parser=_model(responses.DeletedJobs))

    @Endpoint
    def progress(self, job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[responses.JobProgress]:
        """Get a job's losses after an iteration, thinned to at most `max_points`."""
        path = url_path("jobs", job_id, "progress")
        return _get(path, _model(responses.JobProgress), after=after, max_points=max_points)

    @Endpoint
    def progress_csv(self, job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[str]:
        """Get a job's losses as CSV."""
        return _get(url_path("jobs", job_id, "progress"), _text, "text/csv", after=after, max_points=max_points)

    @Endpoint
    def article_progress(self, job_id: str) -> Call[responses.ArticleProgress]:
        """Get the two lists of losses that the article's program records."""
        return _get(url_path("jobs", job_id, "progress"), _model(responses.ArticleProgress), view="article")

    @Endpoint
    def snapshots(self, job_id: str, *, weights: bool = False) -> Call[responses.Snapshots]:
        """Get G's output at each snapshot, and the weights of both networks on request."""
        return _get(url_path("jobs", job_id, "snapshots"), _model(responses.Snapshots), weights=weights)

    @Endpoint
    def snapshots_npz(self, job_id: str) -> Call[bytes]:
        """Get the snapshots with all weights as an `.npz` file of NumPy arrays."""
        return _get(url_path("jobs", job_id, "snapshots"), _content, "application/x-npz", weights=True)

    @Endpoint
    def plot(
        self, job_id: str, plot: Plot = "losses", format: Format = "png", *, iteration: int | None = None
    ) -> Call[bytes]:
        """Get a plot of a job; `iteration` selects the snapshot of the surface."""
        return _get(url_path("jobs", job_id, "plots", f"{plot}.{format}"), _content, iteration=iteration)

    @Endpoint
    def script(self, job_id: str, *, draws: Draws = "torch") -> Call[str]:
        """Get the training as a program in plain PyTorch.

        It uses torch's own random numbers, or with `draws` "same" those of the job: then it prints the job's results.
        """
        return _get(url_path("jobs", job_id, "script.py"), _text, draws=draws)

    @Endpoint
    def sample(
        self, latents: Sequence[float] = (0.5,), *, job_id: str | None = None, iteration: int | None = None
    ) -> Call[responses.Samples]:
        """Get G's output for each latent, from the last job that succeeded or from a snapshot of any job."""
        body = {"seeds": list(latents), "job_id": job_id, "iteration": iteration}
        return _post("/sample", responses.Samples, body)

    @Endpoint
    def score(
        self, vectors: Sequence[Sequence[float]], *, job_id: str | None = None, iteration: int | None = None
    ) -> Call[responses.Scores]:
        """Get D's score of each vector: 0 is fake, 1 is real."""
        body = {"vectors": [list(vector) for vector in vectors], "job_id": job_id, "iteration": iteration}
        return _post("/score", responses.Scores, body)

    @Endpoint
    def models(self, *, limit: int = 50, after: str | None = None) -> Call[Page[responses.ModelInfo]]:
        """List the finished models, newest first."""
        return _get("/models", _model(Page[responses.ModelInfo]), limit=limit, after=after)

    @Endpoint
    def download(self, job_id: str, file: str) -> Call[bytes]:
        """Get a file of a finished model, such as `generator.safetensors`, `discriminator.onnx` or `triton.zip`."""
        return _get(url_path("models", job_id, file), _content)

    @Endpoint
    def presets(self) -> Call[list[responses.Preset]]:
        """List the presets."""
        return _get("/presets", lambda response: responses.PresetList.model_validate_json(response.content).data)

    @Endpoint
    def results(self, job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[responses.Results]:
        """List the results of a sweep's cells, also while it runs."""
        return _get(url_path("sweeps", job_id, "results"), _model(responses.Results), limit=limit, after=after)

    @Endpoint
    def results_csv(self, job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[str]:
        """Get the results of a sweep's cells as CSV."""
        return _get(url_path("sweeps", job_id, "results"), _text, "text/csv", limit=limit, after=after)

    @Endpoint
    def members(
        self,
        job_id: str,
        *,
        cell: int | None = None,
        in_range: bool | None = None,
        limit: int = 50,
        after: int | None = None,
    ) -> Call[Page[responses.Member]]:
        """List the finished members of a sweep."""
        path, parser = url_path("sweeps", job_id, "members"), _model(Page[responses.Member])
        return _get(path, parser, cell=cell, in_range=in_range, limit=limit, after=after)

    @Endpoint
    def members_csv(self, job_id: str, *, cell: int | None = None, in_range: bool | None = None) -> Call[str]:
        """Get all finished members of a sweep as CSV: some 200 bytes each."""
        return _get(url_path("sweeps", job_id, "members"), _text, "text/csv", cell=cell, in_range=in_range)

    @Endpoint
    def members_npz(self, job_id: str, *, cell: int | None = None, in_range: bool | None = None) -> Call[bytes]:
        """Get all finished members of a sweep as an `.npz` file of NumPy arrays: some 100 bytes each."""
        path = url_path("sweeps", job_id, "members")
        return _get(path, _content, "application/x-npz", cell=cell, in_range=in_range)

    @Endpoint
    def heatmap(
        self,
        job_id: str,
        format: Format = "png",
        *,
        x: str | None = None,
        y: str | None = None,
        value: str = "in_range_rate",
    ) -> Call[bytes]:
        """Get a heat map of one figure of a sweep's cells over two settings."""
        return _get(url_path("sweeps", job_id, "plots", f"heatmap.{format}"), _content, x=x, y=y, value=value)

    @Endpoint
    def cluster(self) -> Call[responses.Cluster]:
        """Get the Dask cluster that trains sweeps, with its workers."""
        return _get("/cluster", _model(responses.Cluster))

    @Endpoint
    def health(self) -> Call[responses.Health]:
        """Get the process's health."""
        return _get("/healthz", _model(responses.Health))

    @Endpoint
    def ready(self) -> Call[bool]:
        """Return whether the service accepts work."""
        return Call(path="/readyz", parser=lambda response: response.is_success, success_statuses=frozenset({503}))

    @Endpoint
    def metrics(self) -> Call[str]:
        """Get the metrics in the text format of Prometheus."""
        return _get("/metrics", _text)


def url_path(*parts: str | int) -> str:
    """Join percent-encoded parts to a path."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _get(path: str, parser: Callable[[httpx.Response], T], accept: str = "*/*", **params: Any) -> Call[T]:
    return Call(path=path, parser=parser, headers={"Accept": accept}, params=params)


def _post(path: str, model: type[ModelT], body: Any = None, *, is_idempotent: bool = True) -> Call[ModelT]:
    return Call(method="POST", path=path, json=body, parser=_model(model), is_idempotent=is_idempotent)


def _start(path: str, wait: float, idempotency_key: str | None, body: Any = None) -> Call[Job]:
    """Start a job; the key makes the call idempotent."""
    headers, params = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}, {"wait": wait}
    return Call(method="POST", path=path, params=params, headers=headers, json=body, parser=_model(Job))


def _model(model: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    return lambda response: model.model_validate_json(response.content)


def _content(response: httpx.Response) -> bytes:
    return response.content


def _text(response: httpx.Response) -> str:
    return response.text
