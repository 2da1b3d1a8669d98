"""The client for programs that wait for each answer."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from gan1010.client import endpoints
from gan1010.client.config import default_headers, service_url
from gan1010.client.endpoints import Call
from gan1010.client.event_stream import EventStreamReader, LongPoll
from gan1010.client.responses import Job, JobProgress, Page
from gan1010.client.retry import Patience, exchange

P = ParamSpec("P")
T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], T]":
    @functools.wraps(call)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(call(*args, **kwargs))

    return method


class Client:
    """A gan1010 service.

    >>> with Client() as client:
    ...     job = client.wait(client.train(seed=1010).id)
    ...     print(job.result.bits, client.sample([0.5], job_id=job.id).samples)

    Args:
        url: Where it is; if not given, GAN1010_URL says it, or it is port 8000 of this machine.
        api_key: Who asks; if not given, the first key of GAN1010_API_KEY. Empty for none.
        timeout: Seconds without any sign of the service after which a try is given up.
        retries: How often a call is tried again after a broken connection, or when the service says to come later.
        transport: What sends the requests, if not a connection: a proxy's, a test's.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = service_url(url)
        self._patience = Patience(retries=retries)
        self._http = httpx.Client(
            base_url=self.url, headers=default_headers(api_key), timeout=timeout, transport=transport
        )

    train = _method(endpoints.train)
    sweep = _method(endpoints.sweep)
    train_member = _method(endpoints.train_member)
    jobs = _method(endpoints.jobs)
    job = _method(endpoints.job)
    cancel = _method(endpoints.cancel)
    pause = _method(endpoints.pause)
    resume = _method(endpoints.resume)
    delete = _method(endpoints.delete)
    progress = _method(endpoints.progress)
    progress_csv = _method(endpoints.progress_csv)
    article_progress = _method(endpoints.article_progress)
    snapshots = _method(endpoints.snapshots)
    snapshots_npz = _method(endpoints.snapshots_npz)
    plot = _method(endpoints.plot)
    script = _method(endpoints.script)
    sample = _method(endpoints.sample)
    score = _method(endpoints.score)
    models = _method(endpoints.models)
    download = _method(endpoints.download)
    presets = _method(endpoints.presets)
    results = _method(endpoints.results)
    results_csv = _method(endpoints.results_csv)
    members = _method(endpoints.members)
    heatmap = _method(endpoints.heatmap)
    health = _method(endpoints.health)
    ready = _method(endpoints.ready)
    metrics = _method(endpoints.metrics)

    def send(self, call: Call[T]) -> T:
        """Make a call, of which every other method has one.

        Raises:
            ClientError: there is no answer, or it is a problem.
        """
        steps = exchange(self._http, call, self._patience)
        try:
            step = next(steps)
            while True:
                if isinstance(step, float):
                    time.sleep(step)
                    step = next(steps)
                    continue
                try:
                    answer = self._http.send(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            meaning: T = end.value
            return meaning

    def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> Iterator[Job]:
        """The job again and again, each time that so many seconds have passed, and last when it has ended.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        waiting, job = LongPoll(every, timeout), None
        while job is None or not job.ended:
            job = self.job(job_id, wait=waiting.seconds(job))
            yield job

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """The job when it has ended, however it has.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        *_, job = self.watch(job_id, every=endpoints.MAX_WAIT_SECONDS, timeout=timeout)
        return job

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Job | JobProgress]:
        """A job as it learns: its new points as they come, and the job at each change of its status and at its end."""
        follower = EventStreamReader(job_id, after, self._patience, self.url)
        while not follower.over:
            reason = "the events broke off"
            try:
                with self._http.stream(**follower.request()) as answer:
                    if answer.status_code != 200:
                        answer.read()
                    follower.meet(answer)
                    for piece in answer.iter_bytes():
                        yield from follower.read(piece)
            except httpx.TransportError as error:
                reason = str(error)
            if not follower.over:
                time.sleep(follower.pause(reason))
        if follower.missed_end:
            yield self.job(job_id)

    def each(self, page: Callable[..., Page[T]], *args: Any, **kwargs: Any) -> Iterator[T]:
        """All that is on the pages of a call: `client.each(client.jobs, kind="sweep")`."""
        while True:
            found = page(*args, **kwargs)
            yield from found.data
            if not found.has_more:
                return
            kwargs["after"] = found.next

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
