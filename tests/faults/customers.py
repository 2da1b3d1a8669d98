"""Customers: each does to jobs of its own what it likes, and knows what it was told of them.

After any fault a customer looks at each of its jobs: whether it is in a status that it may be in after what was
acknowledged, whether what has ended still is what it was, and whether nothing is there twice.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.support.contract import FINAL_STATUSES, Json

GONE = "gone"
ACTIVE = frozenset({"queued", "running", "succeeded"})
DISK_ANSWERS = {500, 507}  # nothing was kept of the request
MOST_JOBS = 8  # of a customer at a time
Statuses = frozenset[str]


@dataclass
class Known:
    """What a customer knows of a job: the statuses that it may be in, and how it was when it had ended."""

    config: Json
    may_be: Statuses = ACTIVE
    last: Json | None = None
    samples: dict[str, Any] = field(default_factory=dict)


class Customer:
    """One who trains, sweeps, pauses, resumes, cancels, deletes and samples, in an order of chance."""

    def __init__(self, name: str, random: Random) -> None:
        self.name, self.random = name, random
        self.jobs: dict[str, Known] = {}
        self.unanswered: list[tuple[str, str, Json, str | None]] = []  # path, name, body, key
        self.done: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self._count = 0

    def act(self, client: httpx.Client) -> None:
        """Do one thing.

        Raises:
            httpx.TransportError: there was no answer, so it may have been done or not.
        """
        alive = self.alive()
        if len(alive) < 2 or (len(alive) < MOST_JOBS and self.random.random() < 0.4):
            self._submit(client)
            return
        id = self.random.choice(alive)
        acts: list[Callable[[httpx.Client, str], None]] = [self._cancel, self._pause, self._resume]
        acts += [self._delete, self._sample, self._look] * (2 if len(alive) < MOST_JOBS else 4)
        self.random.choice(acts)(client, id)

    def alive(self) -> list[str]:
        """The jobs that may still be there; that the others are not, `nothing_is_there_twice` sees."""
        return [id for id, known in self.jobs.items() if known.may_be != {GONE}]

    def look_at_all(self, client: httpx.Client) -> None:
        """Check what may be there against what is known, and ask again for what was not answered."""
        for id in self.alive():
            self._look(client, id)
        waiting, self.unanswered = self.unanswered, []
        for path, name, body, key in waiting:
            if key is None:
                self.jobs |= {
                    job["id"]: Known(body) for job in everything(client) if job["name"] == name
                }  # it was kept, or it was not
            else:
                self._send(client, path, name, body, key)
                self.done["asked again with its key"] += 1

    def wait_for_all(self, client: httpx.Client) -> None:
        """Wait until nothing is queued or running."""
        for id in self.alive():
            if self.jobs[id].may_be & {"queued", "running"}:
                client.get(f"/jobs/{id}", params={"wait": 10})
                self._look(client, id)

    def delete_one(self, client: httpx.Client) -> None:
        """Delete a job that has ended, if there is one."""
        ended = [id for id in self.alive() if self.jobs[id].may_be <= FINAL_STATUSES]
        if ended:
            self._delete(client, self.random.choice(ended))

    def _submit(self, client: httpx.Client) -> None:
        seed = self.random.randrange(2**53)
        path, body = self.random.choice([
            ("/train", {"iterations": 2000, "seed": seed}),
            ("/train", {"iterations": 300, "hidden_size": 7, "optimizer": "adam", "latent": "normal", "seed": seed}),
            ("/train", {"iterations": 1_000_000, "record_every": 100, "snapshot_every": 10_000, "seed": seed}),
            ("/sweeps", {"base": {"iterations": 500}, "grid": {"hidden_size": [2, 3]}, "seeds": 2000}),
        ])  # fmt: skip
        self.ask_for(client, path, body)

    def ask_for(self, client: httpx.Client, path: str, body: Json) -> None:
        """Start a job, with an idempotency key or without."""
        self._count += 1
        name = f"{self.name} {self._count}"
        self._send(client, path, name, body, name if self.random.random() < 0.5 else None)

    def _send(self, client: httpx.Client, path: str, name: str, body: Json, key: str | None) -> None:
        self.unanswered.append((path, name, body, key))
        headers = {"Idempotency-Key": key} if key else {}
        answer = client.post(path, json=body | {"name": name}, headers=headers)
        self.unanswered.pop()
        if self._is_refused(answer):
            return
        assert answer.status_code in {200, 202}, answer.text
        self.jobs[answer.json()["id"]] = Known(body)
        self.done[path] += 1

    def _cancel(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "cancel", frozenset({"cancelled"}))

    def _pause(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "pause", frozenset({"paused"}))

    def _resume(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "resume", ACTIVE)

    def _change(self, client: httpx.Client, id: str, change: str, then: Statuses) -> None:
        known = self.jobs[id]
        before, known.may_be = known.may_be, known.may_be | then
        answer = client.post(f"/jobs/{id}/{change}")
        if answer.status_code == 200:
            assert answer.json()["status"] in then, answer.text
            known.may_be = then
            self.done[change] += 1
        else:
            known.may_be = before
            assert self._is_refused(answer) or answer.status_code in {404, 409}, answer.text
            assert answer.status_code != 404 or GONE in before, answer.text
        self._look(client, id)

    def _delete(self, client: httpx.Client, id: str) -> None:
        known = self.jobs[id]
        before, known.may_be = known.may_be, known.may_be | {GONE}
        answer = client.delete(f"/jobs/{id}")
        if answer.status_code == 204 or (answer.status_code == 404 and GONE in before):
            known.may_be = frozenset({GONE})
            self.done["delete"] += 1
        else:
            known.may_be = before
            assert self._is_refused(answer) or answer.status_code == 409, answer.text

    def _sample(self, client: httpx.Client, id: str) -> None:
        known = self.jobs[id]
        answer = client.get("/sample", params={"job_id": id, "seed": [0, 0.5, 1]})
        assert answer.status_code in {200, 404, 409} or self._is_refused(answer), answer.text
        assert answer.status_code != 404 or GONE in known.may_be, answer.text
        if answer.status_code == 200 and known.last is not None:
            assert answer.json() == known.samples.setdefault("sample", answer.json())
        self.done["sample"] += 1

    def _look(self, client: httpx.Client, id: str) -> None:
        known = self.jobs[id]
        answer = client.get(f"/jobs/{id}")
        if self._is_refused(answer):
            return
        status = GONE if answer.status_code == 404 else answer.json()["status"]
        crashed = status == "failed" and answer.json()["error"]["type"] == "crashed" and known.may_be >= ACTIVE
        assert status in known.may_be or crashed, f"job {id} may be {sorted(known.may_be)}, and is {answer.text}"
        if status in FINAL_STATUSES:
            assert known.last in (None, answer.json()), f"job {id} was {known.last}, and is {answer.text}"
            known.last = answer.json()
        if status in {*FINAL_STATUSES, "paused", GONE}:
            known.may_be = frozenset({status})

    def _is_refused(self, answer: httpx.Response) -> bool:
        if answer.status_code in DISK_ANSWERS:
            assert answer.json()["type"] in {"/problems/disk-full", "/problems/storage-failed"}, answer.text
            self.refused[answer.status_code] += 1
        return answer.status_code in DISK_ANSWERS


def everything(client: httpx.Client) -> list[Json]:
    """All jobs."""
    jobs: list[Json] = []
    page: Json = {"has_more": True, "next": None}
    while page["has_more"]:
        parameters = {"limit": 1000} | ({"after": page["next"]} if page["next"] else {})
        page = client.get("/jobs", params=parameters).json()
        jobs += page["data"]
    return jobs


def nothing_is_there_twice(client: httpx.Client, customers: list[Customer]) -> None:
    """Each job is one that a customer has asked for, and there once."""
    jobs = everything(client)
    names = Counter(job["name"] for job in jobs)
    assert [name for name, times in names.items() if times > 1] == []
    known = {id for customer in customers for id in customer.alive()}
    listed = {job["id"] for job in jobs}
    assert listed == known, f"lost {known - listed}, unknown {listed - known}"
