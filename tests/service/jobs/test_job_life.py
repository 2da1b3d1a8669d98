"""Random sequences of requests, restarts and kills, checked against a model of the jobs and their statuses."""

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
from service.jobs.crash_recovery import MAX_ATTEMPTS
from tests.support.clients import Server
from tests.support.contract import (
    FINAL_STATUSES,
    LONG_JOB,
    Json,
    check_against_openapi,
    check_problem,
    wait_for_end,
    wait_until,
)

SHORT_ITERATIONS = 500
LATENTS = [0.0, 0.5, 1.0]
ALLOWED_TRANSITIONS = {
    ("queued", "running"), ("queued", "paused"), ("queued", "cancelled"), ("queued", "failed"),
    ("running", "queued"), ("running", "paused"), ("running", "succeeded"), ("running", "cancelled"),
    ("paused", "queued"), ("paused", "cancelled"),
}  # fmt: skip
Check = Callable[[httpx.Response], None]
End = Literal["stop", "kill"]


class JobLife(RuleBasedStateMachine):
    """A server process with one worker, so that the model knows which job runs; each rule waits until it is settled."""

    jobs = Bundle("jobs")

    def __init__(self, check: Check, count: Counter[str]) -> None:
        super().__init__()
        self.check, self.count = check, count
        self.folder = TemporaryDirectory()
        self.status: dict[str, str] = {}  # of each job, oldest first
        self.seeds: dict[str, int | None] = {}  # None for a long job
        self.queued: list[str] = []  # in the order in which they will run
        self.running: str | None = None
        self.started: set[str] = set()
        self.kills: Counter[str] = Counter()  # upper bounds of the attempts
        self.ended: dict[str, Json] = {}
        self.requests: dict[str, Json] = {}
        self.start()

    def start(self) -> None:
        self.server = start_server(self.folder.name)
        self.client = httpx.Client(base_url=self.server.url, timeout=60, event_hooks={"response": [self.check]})

    def stop(self, end: End) -> None:
        self.client.close()
        self.count[end] += 1
        if end == "kill":
            self.server.kill()
        else:
            assert self.server.stop() == 0

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            if self.server.process.poll() is None:
                self.stop("kill")
            self.folder.cleanup()

    def finish(self) -> None:
        """Check that after a last kill every job can be resumed, cancelled and deleted."""
        self.end("kill")
        self.check_all()
        for act in (self.resume, self.cancel, self.delete):
            for id in list(self.status):
                act(id)
                self.check_all()
        assert not self.status

    @initialize(target=jobs, is_long=st.booleans(), seed=st.integers(0, 9))
    def begin(self, is_long: bool, seed: int) -> str:
        assert self.client.get("/jobs").json()["data"] == []
        self.count["sequences"] += 1
        return self.post(is_long, seed)

    @rule(
        target=jobs,
        is_long=st.booleans(),
        seed=st.integers(0, 9),
        then=st.sampled_from([None, None, None, None, "kill", "stop"]),
    )
    def submit(self, is_long: bool, seed: int, then: End | None) -> str:
        id = self.post(is_long, seed)
        if then is not None:
            self.end(then)
        return id

    @rule(id=jobs)
    def submit_again(self, id: str) -> None:
        if id in self.status:
            assert self.client.post("/train", **self.requests[id]).json()["id"] == id

    @rule(id=jobs)
    def wait(self, id: str) -> None:
        response = self.client.get(f"/jobs/{id}", params={"wait": 0.02})
        if id in self.status:
            assert response.json()["status"] == self.status[id]
        else:
            check_problem(response, 404, "job-not-found")

    @rule(id=jobs)
    def pause(self, id: str) -> None:
        if self.change(id, "pause", {"queued", "running", "paused"}, "paused"):
            self.kills[id] = 0
            self.remove(id)

    @rule(id=jobs)
    def cancel(self, id: str) -> None:
        if self.change(id, "cancel", {"queued", "running", "paused", "cancelled"}, "cancelled"):
            self.remove(id)

    @rule(id=jobs)
    def resume(self, id: str) -> None:
        if self.change(id, "resume", {"paused"}, "queued"):
            self.queued.append(id)

    @rule(id=jobs)
    def delete(self, id: str) -> None:
        response = self.client.delete(f"/jobs/{id}")
        if id not in self.status:
            check_problem(response, 404, "job-not-found")
        elif self.status[id] in FINAL_STATUSES:
            assert response.status_code == 204
            del self.status[id]
        else:
            check_problem(response, 409, "state-forbids")

    @rule(id=jobs)
    def sample(self, id: str) -> None:
        response = self.client.get("/sample", params={"job_id": id, "seed": LATENTS})
        if id not in self.status:
            check_problem(response, 404, "job-not-found")
        elif self.status[id] == "succeeded":
            assert np.array_equal(np.array(response.json()["samples"], np.float32), _samples(self.seeds[id]))
        elif self.status[id] != "failed":  # how much a crashed job has left depends on its timing
            assert response.status_code == (200 if id in self.started else 409)

    @rule(end=st.sampled_from(["stop", "kill"]))
    def end(self, end: End) -> None:
        """End the process and start another one."""
        self.stop(end)
        running = [self.running] if self.running else []
        if end == "kill":
            self.kills.update(running or self.queued)
        else:
            self.kills.clear()
        self.queued = sorted(running + self.queued)
        self.status |= dict.fromkeys(self.queued, "queued")
        self.running = None
        self.start()

    @invariant()
    def check_all(self) -> None:
        self.settle()
        self.check_jobs()
        self.check_models()

    def check_jobs(self) -> None:
        listed = self.client.get("/jobs", params={"limit": 1000}).json()["data"]
        assert [(job["id"], job["status"]) for job in listed] == sorted(self.status.items(), reverse=True)
        for job in listed:
            statuses = [transition["status"] for transition in job["transitions"]]
            assert statuses[0] == "queued"
            assert statuses[-1] == job["status"]
            assert all(pair in ALLOWED_TRANSITIONS for pair in pairwise(statuses))
            if job["status"] in FINAL_STATUSES:
                assert self.ended.setdefault(job["id"], job) == job

    def check_models(self) -> None:
        succeeded = [id for id, status in self.status.items() if status == "succeeded"]
        models = self.client.get("/models", params={"limit": 1000}).json()["data"]
        assert [model["job_id"] for model in models] == sorted(succeeded, reverse=True)
        response = self.client.get("/sample")
        if succeeded:
            last = max(succeeded, key=lambda id: self.ended[id]["finished_at"])
            assert response.json()["job_id"] == last
        else:
            check_problem(response, 409, "no-model")

    def post(self, is_long: bool, seed: int) -> str:
        body = LONG_JOB if is_long else {"iterations": SHORT_ITERATIONS, "seed": seed}
        request = {"json": body, "headers": {"Idempotency-Key": f"key-{len(self.requests)}"}}
        response = self.client.post("/train", **request)
        assert response.status_code == 202
        id = str(response.json()["id"])
        self.requests[id], self.seeds[id] = request, None if is_long else seed
        self.status[id] = "queued"
        self.queued.append(id)
        return id

    def change(self, id: str, action: str, allowed: set[str], status: str) -> bool:
        """Pause, cancel or resume a job; return whether its status has changed."""
        response = self.client.post(f"/jobs/{id}/{action}")
        if id not in self.status:
            check_problem(response, 404, "job-not-found")
            return False
        before = self.status[id]
        if before not in allowed:
            check_problem(response, 409, "state-forbids")
            return False
        assert response.status_code == 200, response.text
        assert response.json()["status"] == status
        self.status[id] = status
        return before != status

    def remove(self, id: str) -> None:
        """Remove a job that neither runs nor is queued any more."""
        if self.running == id:
            self.running = None
        else:
            self.queued = [other for other in self.queued if other != id]

    def settle(self) -> None:
        """Wait until the worker runs a long job, or the queue is empty."""
        while self.running is None and self.queued:
            id = self.queued.pop(0)
            job = wait_until(lambda id=id: self.job(id), _has_started)  # type: ignore[misc]
            if job["status"] == "failed":
                assert job["error"]["type"] == "crashed"
                assert self.kills[id] > MAX_ATTEMPTS
                self.status[id] = "failed"
                continue
            self.started.add(id)
            if self.seeds[id] is None:
                self.status[id], self.running = "running", id
            else:
                self.status[id] = "succeeded"
                assert wait_for_end(self.client, id)["status"] == "succeeded"

    def job(self, id: str) -> Json:
        return dict(self.client.get(f"/jobs/{id}").json())


def run_sequences(sequences: int, steps: int, random_seed: int | None = None) -> Counter[str]:
    """Run sequences, always the same ones without a random seed; return how many, and how the processes ended."""
    count: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        server = start_server(folder)
        check = check_against_openapi(httpx.get(f"{server.url}/openapi.json").json())
        server.kill()
    chosen = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=random_seed is None,
        suppress_health_check=list(HealthCheck),  # processes are slow
        phases=[Phase.generate],  # sequences are short, and shrinking takes minutes
    )

    def machine() -> JobLife:
        return JobLife(check, count)

    run_state_machine_as_test(machine if random_seed is None else seed(random_seed)(machine), settings=chosen)
    return count


def start_server(folder: str) -> Server:
    """Start a server process with one worker."""
    server = Server(Path(folder), "--workers", "1")
    server.wait_until_ready()
    return server


def _has_started(job: Json) -> bool:
    return job["status"] in FINAL_STATUSES or (job["status"] == "running" and job["iteration"] > 0)


@lru_cache
def _samples(seed: int | None) -> np.ndarray:
    assert seed is not None
    return train_here(TrainConfig(iterations=SHORT_ITERATIONS, seed=seed)).model().sample(LATENTS)


def test_jobs_agree_with_the_model_after_any_requests_restarts_and_kills() -> None:
    count = run_sequences(sequences=10, steps=12)
    assert count["sequences"] >= 10
    assert count["kill"] > 0
    assert count["stop"] > 0
