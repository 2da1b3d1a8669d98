"""Client methods: one for each endpoint, listed once for both clients."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from gan1010.client import endpoints
from gan1010.client.endpoints import Call

P = ParamSpec("P")
T = TypeVar("T")


class _Sender(Protocol):
    def send(self, call: Call[T]) -> T: ...


class _AsyncSender(Protocol):
    def send(self, call: Call[T]) -> Awaitable[T]: ...


class _Method(Generic[P, T]):
    """Descriptor that sends an endpoint's call."""

    def __init__(self, endpoint: Callable[P, Call[T]]) -> None:
        self._endpoint = endpoint

    @overload
    def __get__(self, client: _Sender, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: _AsyncSender, owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._endpoint

        @functools.wraps(self._endpoint)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self._endpoint(*args, **kwargs))

        return method


class EndpointMethods:
    """Methods that both clients have; those of `AsyncClient` are awaited."""

    train = _Method(endpoints.train)
    sweep = _Method(endpoints.sweep)
    train_member = _Method(endpoints.train_member)
    jobs = _Method(endpoints.jobs)
    job = _Method(endpoints.job)
    cancel = _Method(endpoints.cancel)
    pause = _Method(endpoints.pause)
    resume = _Method(endpoints.resume)
    delete = _Method(endpoints.delete)
    progress = _Method(endpoints.progress)
    progress_csv = _Method(endpoints.progress_csv)
    article_progress = _Method(endpoints.article_progress)
    snapshots = _Method(endpoints.snapshots)
    snapshots_npz = _Method(endpoints.snapshots_npz)
    plot = _Method(endpoints.plot)
    script = _Method(endpoints.script)
    sample = _Method(endpoints.sample)
    score = _Method(endpoints.score)
    models = _Method(endpoints.models)
    download = _Method(endpoints.download)
    presets = _Method(endpoints.presets)
    results = _Method(endpoints.results)
    results_csv = _Method(endpoints.results_csv)
    members = _Method(endpoints.members)
    heatmap = _Method(endpoints.heatmap)
    health = _Method(endpoints.health)
    ready = _Method(endpoints.ready)
    metrics = _Method(endpoints.metrics)
