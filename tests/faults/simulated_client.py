"""Simulated client: sends random requests about its own jobs, and checks the jobs against the responses it received.

After a fault it checks that each job has a status that the acknowledged requests allow, that an ended job has not
changed, that a model has the bits of an uninterrupted run, and that no job exists twice.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any

import httpx

from gan1010 import TrainConfig, train
from tests.support.contract import FINAL_STATUSES, Json

DELETED = "deleted"
ACTIVE = frozenset({"queued", "running", "succeeded"})
DISK_ERRORS = {500, 507}  # the service persisted nothing of the request
MAX_JOBS = 8  # of a client at a time


@dataclass
class ExpectedJob:
    """The statuses that a job may have, and the last responses once it has ended."""

    config: Json
    statuses: frozenset[str] = ACTIVE
    ended: Json | None = None
    samples: dict[str, Any] = field(default_factory=dict)


class SimulatedClient:
    """A client that trains, sweeps, pauses, resumes, cancels, deletes and samples in random order."""

    def __init__(self, name: str, random: Random) -> None:
        self.name, self.random = name, random
        self.jobs: dict[str, ExpectedJob] = {}
        self.unacknowledged: list[tuple[str, str, Json, str | None]] = []  # path, name, body, key
        self.done: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self._submitted = 0

    def act(self, client: httpx.Client) -> None:
        """Send one random request.

        Raises:
            httpx.TransportError: no response, so the request may have had an effect or not.
        """
        ids = self.existing()
        if len(ids) < 2 or (len(ids) < MAX_JOBS and self.random.random() < 0.4):
            self._submit_random(client)
            return
        actions: list[Callable[[httpx.Client, str], None]] = [self._cancel, self._pause, self._resume]
        actions += [self._delete, self._sample, self._check] * (2 if len(ids) < MAX_JOBS else 4)
        id = self.random.choice(ids)
        self.random.choice(actions)(client, id)

    def existing(self) -> list[str]:
        """Return the jobs that may still exist."""
        return [id for id, job in self.jobs.items() if job.statuses != {DELETED}]

    def check_all(self, client: httpx.Client) -> None:
        """Check all jobs, and repeat the requests that had no response."""
        for id in self.existing():
            self._check(client, id)
        requests, self.unacknowledged = self.unacknowledged, []
        for path, name, body, key in requests:
            if key is None:  # the service may have persisted it or not
                self.jobs |= {job["id"]: ExpectedJob(body) for job in list_jobs(client) if job["name"] == name}
            else:
                self._send(client, path, name, body, key)
                self.done["retry with a key"] += 1

    def wait_for_all(self, client: httpx.Client) -> None:
        """Wait until no job is queued or running."""
        for id in self.existing():
            if self.jobs[id].statuses & {"queued", "running"}:
                client.get(f"/jobs/{id}", params={"wait": 10})
                self._check(client, id)

    def delete_one(self, client: httpx.Client) -> None:
        """Delete an ended job, if there is one."""
        if ended := [id for id in self.existing() if self.jobs[id].statuses <= FINAL_STATUSES]:
            self._delete(client, self.random.choice(ended))

    def _submit_random(self, client: httpx.Client) -> None:
        seed = self.random.randrange(2**53)
        path, body = self.random.choice([
            ("/train", {"iterations": 2000, "seed": seed}),
            ("/train", {"iterations": 300, "hidden_size": 7, "optimizer": "adam", "latent": "normal", "seed": seed}),
            ("/train", {
                "iterations": 1_000_000, "record_every": 100, "snapshot_every": 10_000, "seed": seed,
                "experiment": self.random.choice(["gan", "discriminator"]), "loss": self.random.choice(["mse", "bce"]),
                "optimizer": self.random.choice(["sgd", "adam"]),
            }),
            ("/sweeps", {"base": {"iterations": 500}, "grid": {"hidden_size": [2, 3]}, "seeds": 2000}),
        ])  # fmt: skip
        self.submit(client, path, body)

    def submit(self, client: httpx.Client, path: str, body: Json) -> None:
        """Start a job, at random with or without an idempotency key."""
        self._submitted += 1
        name = f"{self.name} {self._submitted}"
        self._send(client, path, name, body, name if self.random.random() < 0.5 else None)

    def _send(self, client: httpx.Client, path: str, name: str, body: Json, key: str | None) -> None:
        self.unacknowledged.append((path, name, body, key))
        headers = {"Idempotency-Key": key} if key else {}
        response = client.post(path, json=body | {"name": name}, headers=headers)
        self.unacknowledged.pop()
        if self._is_refused(response):
            return
        assert response.status_code in {200, 202}, response.text
        self.jobs[response.json()["id"]] = ExpectedJob(body)
        self.done[path] += 1

    def _cancel(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "cancel", frozenset({"cancelled"}))

    def _pause(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "pause", frozenset({"paused"}))

    def _resume(self, client: httpx.Client, id: str) -> None:
        self._change(client, id, "resume", ACTIVE)

    def _change(self, client: httpx.Client, id: str, action: str, statuses: frozenset[str]) -> None:
        job = self.jobs[id]
        before, job.statuses = job.statuses, job.statuses | statuses
        response = client.post(f"/jobs/{id}/{action}")
        if response.status_code == 200:
            assert response.json()["status"] in statuses, response.text
            job.statuses = statuses
            self.done[action] += 1
        else:
            job.statuses = before
            assert self._is_refused(response) or response.status_code in {404, 409}, response.text
            assert response.status_code != 404 or DELETED in before, response.text
        self._check(client, id)

    def _delete(self, client: httpx.Client, id: str) -> None:
        job = self.jobs[id]
        before, job.statuses = job.statuses, job.statuses | {DELETED}
        response = client.delete(f"/jobs/{id}")
        if response.status_code == 204 or (response.status_code == 404 and DELETED in before):
            job.statuses = frozenset({DELETED})
            self.done["delete"] += 1
        else:
            job.statuses = before
            assert self._is_refused(response) or response.status_code == 409, response.text

    def _sample(self, client: httpx.Client, id: str) -> None:
        job = self.jobs[id]
        response = client.get("/sample", params={"job_id": id, "seed": [0, 0.5, 1]})
        assert response.status_code in {200, 404, 409} or self._is_refused(response), response.text
        assert response.status_code != 404 or DELETED in job.statuses, response.text
        if response.status_code == 200 and job.ended is not None:
            assert response.json() == job.samples.setdefault("sample", response.json())
        self.done["sample"] += 1

    def _check(self, client: httpx.Client, id: str) -> None:
        job = self.jobs[id]
        response = client.get(f"/jobs/{id}")
        if self._is_refused(response):
            return
        found = response.json()
        status = DELETED if response.status_code == 404 else found["status"]
        crashed = status == "failed" and found["error"]["type"] == "crashed" and job.statuses >= ACTIVE
        assert status in job.statuses or crashed, f"{id} is {found} instead of {sorted(job.statuses)}"
        if status in FINAL_STATUSES:
            assert job.ended in (None, found), f"{id} was {job.ended}, and is {found}"
            if status == "succeeded" and job.ended is None and "seed" in job.config:
                check_model(client, id, job.config)
                self.done["compare a model"] += 1
            job.ended = found
        if status in {*FINAL_STATUSES, "paused", DELETED}:
            job.statuses = frozenset({status})

    def _is_refused(self, response: httpx.Response) -> bool:
        if response.status_code in DISK_ERRORS:
            assert response.json()["type"] in {"/problems/disk-full", "/problems/storage-failed"}, response.text
            self.refused[response.status_code] += 1
        return response.status_code in DISK_ERRORS


def check_model(client: httpx.Client, id: str, config: Json) -> None:
    """Check that a job's model has the bits of an uninterrupted run."""
    expected = train(TrainConfig(**config)).model().to_bytes()
    found = client.get(f"/models/{id}/model.safetensors").content
    assert sha256(found).hexdigest() == sha256(expected).hexdigest(), f"{id}, {config}"


def list_jobs(client: httpx.Client) -> list[Json]:
    """Return all jobs, page by page."""
    jobs: list[Json] = []
    page: Json = {"has_more": True, "next": None}
    while page["has_more"]:
        after = {"after": page["next"]} if page["next"] else {}
        page = client.get("/jobs", params={"limit": 1000, **after}).json()
        jobs += page["data"]
    return jobs


def check_no_duplicates(client: httpx.Client, clients: list[SimulatedClient]) -> None:
    """Check that the service has exactly the clients' jobs, each once."""
    jobs = list_jobs(client)
    names = Counter(job["name"] for job in jobs)
    assert [name for name, times in names.items() if times > 1] == []
    expected, listed = {id for simulated in clients for id in simulated.existing()}, {job["id"] for job in jobs}
    assert listed == expected, f"lost {expected - listed}, unknown {listed - expected}"
