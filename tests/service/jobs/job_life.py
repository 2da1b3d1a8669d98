"""Any order of calls, restarts and kills, against a plain model of what jobs there should be, and in which status."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import httpx
import numpy as np
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gan1010 import TrainConfig
from gan1010 import train as train_here
from tests.support.clients import Server
from tests.support.contract import FINAL_STATUSES, LONG_JOB, Json, check_against_openapi, check_problem, wait_until

QUICK = 500  # iterations: done before one can look
CHANCES = 3  # sudden ends in a row of a job that got nowhere, before it is given up as poison
SEEDS = [0.0, 0.5, 1.0]
ALLOWED = {
    ("queued", "running"), ("queued", "paused"), ("queued", "cancelled"), ("queued", "failed"),
    ("running", "queued"), ("running", "paused"), ("running", "succeeded"), ("running", "cancelled"),
    ("paused", "queued"), ("paused", "cancelled"),
}  # fmt: skip
Check = Callable[[httpx.Response], None]
End = Literal["stop", "kill"]


class JobLife(RuleBasedStateMachine):
    """A real process with one training thread, so that what runs is known; each rule leaves it where it settles."""

    jobs = Bundle("jobs")

    def __init__(self, check: Check, count: Counter[str]) -> None:
        super().__init__()
        self.check, self.count = check, count
        self.folder = TemporaryDirectory()
        self.status: dict[str, str] = {}  # of each job, oldest first
        self.seeds: dict[str, int | None] = {}  # None: it is endless
        self.waiting: list[str] = []  # in the order in which they will run
        self.running: str | None = None
        self.begun: set[str] = set()
        self.sudden_ends: Counter[str] = Counter()  # at most so many in a row
        self.answers: dict[str, Json] = {}  # of jobs that have ended
        self.asked: dict[str, Json] = {}
        self.open()

    def open(self) -> None:
        self.server = one_thread(self.folder.name)
        self.client = httpx.Client(base_url=self.server.url, timeout=60, event_hooks={"response": [self.check]})

    def close(self, by: End) -> None:
        self.client.close()
        self.count[by] += 1
        if by == "kill":
            self.server.kill()
        else:
            assert self.server.stop() == 0

    def teardown(self) -> None:
        try:
            self.wind_up()
        finally:
            if self.server.process.poll() is None:
                self.close("kill")
            self.folder.cleanup()

    def wind_up(self) -> None:
        """Whatever there is after a last sudden end can be gone on with, called off and forgotten."""
        self.end("kill")
        self.all_is_as_it_should_be()
        for act in (self.resume, self.cancel, self.delete):
            for id in list(self.status):
                act(id)
                self.all_is_as_it_should_be()
        assert not self.status

    @initialize(target=jobs, endless=st.booleans(), seed=st.integers(0, 9))
    def begin(self, endless: bool, seed: int) -> str:
        assert self.client.get("/jobs").json()["data"] == []
        self.count["sequences"] += 1
        return self.submitted(endless, seed)

    @rule(
        target=jobs,
        endless=st.booleans(),
        seed=st.integers(0, 9),
        then=st.sampled_from([None, None, None, None, "kill", "stop"]),
    )
    def submit(self, endless: bool, seed: int, then: End | None) -> str:
        id = self.submitted(endless, seed)
        if then is not None:
            self.end(then)
        return id

    @rule(id=jobs)
    def submit_again(self, id: str) -> None:
        if id in self.status:
            assert self.client.post("/train", **self.asked[id]).json()["id"] == id

    @rule(id=jobs)
    def wait(self, id: str) -> None:
        answer = self.client.get(f"/jobs/{id}", params={"wait": 0.02})
        if id in self.status:
            assert answer.json()["status"] == self.status[id]
        else:
            check_problem(answer, 404, "job-not-found")

    @rule(id=jobs)
    def pause(self, id: str) -> None:
        if self.change(id, "pause", {"queued", "running", "paused"}, "paused"):
            self.sudden_ends[id] = 0
            self.leave(id)

    @rule(id=jobs)
    def cancel(self, id: str) -> None:
        if self.change(id, "cancel", {"queued", "running", "paused", "cancelled"}, "cancelled"):
            self.leave(id)

    @rule(id=jobs)
    def resume(self, id: str) -> None:
        if self.change(id, "resume", {"paused"}, "queued"):
            self.waiting.append(id)

    @rule(id=jobs)
    def delete(self, id: str) -> None:
        answer = self.client.delete(f"/jobs/{id}")
        if id not in self.status:
            check_problem(answer, 404, "job-not-found")
        elif self.status[id] in FINAL_STATUSES:
            assert answer.status_code == 204
            del self.status[id]
        else:
            check_problem(answer, 409, "state-forbids")

    @rule(id=jobs)
    def sample(self, id: str) -> None:
        answer = self.client.get("/sample", params={"job_id": id, "seed": SEEDS})
        if id not in self.status:
            check_problem(answer, 404, "job-not-found")
        elif self.status[id] == "succeeded":
            assert np.array_equal(np.array(answer.json()["samples"], np.float32), _samples(self.seeds[id]))
        elif self.status[id] != "failed":  # what sudden ends have left of that is chance
            assert answer.status_code == (200 if id in self.begun else 409)

    @rule(by=st.sampled_from(["stop", "kill"]))
    def end(self, by: End) -> None:
        """The process ends, and another one takes up what it has left."""
        self.close(by)
        ran = [self.running] if self.running else []
        if by == "kill":
            self.sudden_ends.update(ran or self.waiting)
            self.waiting = ran + sorted(self.waiting)  # who is suspected goes first, alone
        else:
            self.sudden_ends.clear()
            self.waiting = sorted(ran + self.waiting)
        self.status |= dict.fromkeys(self.waiting, "queued")
        self.running = None
        self.open()

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        self.settle()
        self.jobs_are_those_that_there_should_be()
        self.models_are_those_of_the_jobs_that_succeeded()

    def jobs_are_those_that_there_should_be(self) -> None:
        listed = self.client.get("/jobs", params={"limit": 1000}).json()["data"]
        assert [(job["id"], job["status"]) for job in listed] == sorted(self.status.items(), reverse=True)
        for job in listed:
            statuses = [transition["status"] for transition in job["transitions"]]
            assert statuses[0] == "queued"
            assert statuses[-1] == job["status"]
            assert all(pair in ALLOWED for pair in pairwise(statuses))
            if job["status"] in FINAL_STATUSES:
                assert self.answers.setdefault(job["id"], job) == job

    def models_are_those_of_the_jobs_that_succeeded(self) -> None:
        succeeded = [id for id, status in self.status.items() if status == "succeeded"]
        models = self.client.get("/models", params={"limit": 1000}).json()["data"]
        assert [model["job_id"] for model in models] == sorted(succeeded, reverse=True)
        answer = self.client.get("/sample")
        if succeeded:
            last = max(succeeded, key=lambda id: self.answers[id]["finished_at"])
            assert answer.json()["job_id"] == last
        else:
            check_problem(answer, 409, "no-model")

    def submitted(self, endless: bool, seed: int) -> str:
        body = LONG_JOB if endless else {"iterations": QUICK, "seed": seed}
        asked = {"json": body, "headers": {"Idempotency-Key": f"key-{len(self.asked)}"}}
        answer = self.client.post("/train", **asked)
        assert answer.status_code == 202
        id = str(answer.json()["id"])
        self.asked[id], self.seeds[id] = asked, None if endless else seed
        self.status[id] = "queued"
        self.waiting.append(id)
        return id

    def change(self, id: str, what: str, where: set[str], then: str) -> bool:
        """Whether the job has truly changed, which it may from some statuses only."""
        answer = self.client.post(f"/jobs/{id}/{what}")
        if id not in self.status:
            check_problem(answer, 404, "job-not-found")
            return False
        before = self.status[id]
        if before not in where:
            check_problem(answer, 409, "state-forbids")
            return False
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == then
        self.status[id] = then
        return before != then

    def leave(self, id: str) -> None:
        """A job neither runs nor waits to run any more."""
        if self.running == id:
            self.running = None
        else:
            self.waiting = [other for other in self.waiting if other != id]

    def settle(self) -> None:
        """Wait until the thread is where it must get to."""
        while self.running is None and self.waiting:
            id = self.waiting.pop(0)
            job = wait_until(lambda id=id: self.job(id), _is_at_it)  # type: ignore[misc]
            if job["status"] == "failed":
                assert job["error"]["type"] == "poison"
                assert self.sudden_ends[id] >= CHANCES
                self.status[id] = "failed"
                continue
            self.begun.add(id)
            if self.seeds[id] is None:
                self.status[id], self.running = "running", id
            else:
                self.status[id] = "succeeded"
                assert self.job(id, wait=30)["status"] == "succeeded"

    def job(self, id: str, **parameters: int) -> Json:
        return dict(self.client.get(f"/jobs/{id}", params=parameters).json())


def live(sequences: int, steps: int, chance: int | None = None) -> Counter[str]:
    """Find no sequence that brings the service into a state that there should not be: how many were tried."""
    count: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        server = one_thread(folder)
        check = check_against_openapi(httpx.get(f"{server.url}/openapi.json").json())
        server.kill()
        chosen = settings(
            max_examples=sequences,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=chance is None,
            suppress_health_check=list(HealthCheck),  # it takes as long as processes take
            phases=[Phase.generate],  # a sequence is short as it is, and to find a shorter one takes minutes
        )

        def machine() -> JobLife:
            return JobLife(check, count)

        run_state_machine_as_test(machine if chance is None else seed(chance)(machine), settings=chosen)
    return count


def one_thread(folder: str) -> Server:
    """A process with one training thread, that serves."""
    server = Server(Path(folder), "--workers", "1")
    server.wait_until_ready()
    return server


def _is_at_it(job: Json) -> bool:
    return job["status"] in FINAL_STATUSES or (job["status"] == "running" and job["iteration"] > 0)


@lru_cache
def _samples(seed: int | None) -> np.ndarray:
    assert seed is not None
    return train_here(TrainConfig(iterations=QUICK, seed=seed)).model().sample(SEEDS)
