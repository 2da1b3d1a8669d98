"""The client for programs that wait for each answer."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from service.client import calls
from service.client.address import address_of, headers_of
from service.client.answers import Job, Page, Progress
from service.client.calls import Call
from service.client.exchange import Patience, exchange
from service.client.following import Follower, Waiting

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
        self.url = address_of(url)
        self._patience = Patience(retries=retries)
        self._http = httpx.Client(base_url=self.url, headers=headers_of(api_key), timeout=timeout, transport=transport)

    train = _method(calls.train)
    sweep = _method(calls.sweep)
    train_member = _method(calls.train_member)
    jobs = _method(calls.jobs)
    job = _method(calls.job)
    cancel = _method(calls.cancel)
    pause = _method(calls.pause)
    resume = _method(calls.resume)
    delete = _method(calls.delete)
    progress = _method(calls.progress)
    progress_csv = _method(calls.progress_csv)
    article_progress = _method(calls.article_progress)
    snapshots = _method(calls.snapshots)
    snapshots_npz = _method(calls.snapshots_npz)
    plot = _method(calls.plot)
    script = _method(calls.script)
    sample = _method(calls.sample)
    score = _method(calls.score)
    models = _method(calls.models)
    download = _method(calls.download)
    presets = _method(calls.presets)
    results = _method(calls.results)
    results_csv = _method(calls.results_csv)
    members = _method(calls.members)
    heatmap = _method(calls.heatmap)
    health = _method(calls.health)
    ready = _method(calls.ready)
    metrics = _method(calls.metrics)

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
        waiting, job = Waiting(every, timeout), None
        while job is None or not job.ended:
            job = self.job(job_id, wait=waiting.seconds(job))
            yield job

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """The job when it has ended, however it has.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        *_, job = self.watch(job_id, every=calls.MOST_WAIT, timeout=timeout)
        return job

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Job | Progress]:
        """A job as it learns: its new points as they come, and the job at each change of its status and at its end."""
        follower = Follower(job_id, after, self._patience, self.url)
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
