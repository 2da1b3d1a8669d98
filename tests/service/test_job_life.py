"""Any order of calls, restarts in between, against a model of what jobs there should be."""

from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from tests.service.clients import Client, in_process
from tests.service.contract import ENDED, ENDLESS, Json, problem, start, until


class JobLife(RuleBasedStateMachine):
    """One training thread, so that what runs is known: the oldest job that has not ended."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.expected: dict[str, str] = {}  # each job's status, oldest first
        self.endless: set[str] = set()
        self.answers: dict[str, Json] = {}  # of jobs that have ended
        self.open()

    def open(self) -> None:
        self.stack = ExitStack()
        self.client: Client = self.stack.enter_context(in_process(Path(self.folder.name), workers=1))

    def teardown(self) -> None:
        self.stack.close()
        self.folder.cleanup()

    def settle(self) -> None:
        """Wait until the thread is where it must get to."""
        for id, status in self.expected.items():
            if status not in ENDED and id in self.endless:
                self.expected[id] = "running"
                until(lambda id=id: self.job(id), lambda job: job["iteration"] > 0)  # type: ignore[misc]
                return
            if status not in ENDED:
                self.expected[id] = "succeeded"
                assert self.job(id, wait=30)["status"] == "succeeded"

    def job(self, id: str, **parameters: int) -> Json:
        return dict(self.client.get(f"/jobs/{id}", params=parameters).json())

    @initialize()
    def begin(self) -> None:
        assert self.client.get("/jobs").json()["data"] == []

    @rule(target=jobs, endless=st.booleans(), seed=st.integers(0, 9))
    def train(self, endless: bool, seed: int) -> str:
        job = start(self.client, **(ENDLESS if endless else {"iterations": 500}) | {"seed": seed})
        if endless:
            self.endless.add(job["id"])
        self.expected[job["id"]] = "queued"
        return str(job["id"])

    @rule(id=jobs)
    def cancel(self, id: str) -> None:
        answer = self.client.post(f"/jobs/{id}/cancel")
        if id not in self.expected:
            problem(answer, 404, "job-not-found")
        elif self.expected[id] == "succeeded":
            problem(answer, 409, "state-forbids")
        else:
            assert answer.status_code == 200
            assert answer.json()["status"] == self.job(id)["status"] == "cancelled"
            self.expected[id] = "cancelled"

    @rule(id=consumes(jobs))
    def delete(self, id: str) -> None:
        answer = self.client.delete(f"/jobs/{id}")
        if self.expected[id] in ENDED:
            assert answer.status_code == 204
            del self.expected[id]
            self.answers.pop(id, None)
        else:
            problem(answer, 409, "state-forbids")

    @rule()
    def restart(self) -> None:
        self.stack.close()
        self.open()

    @invariant()
    def jobs_are_those_that_there_should_be(self) -> None:
        self.settle()
        listed = self.client.get("/jobs", params={"limit": 1000}).json()["data"]
        assert {job["id"]: job["status"] for job in reversed(listed)} == self.expected
        assert [job["id"] for job in listed] == sorted(self.expected, reverse=True)

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        self.settle()
        for id, status in self.expected.items():
            if status in ENDED:
                assert self.answers.setdefault(id, self.job(id)) == self.job(id)

    @invariant()
    def each_change_is_remembered(self) -> None:
        self.settle()
        for id, status in self.expected.items():
            statuses = [transition["status"] for transition in self.job(id)["transitions"]]
            assert statuses[0] == "queued"
            assert statuses[-1] == status
            assert all(pair in ALLOWED for pair in pairwise(statuses))

    @invariant()
    def last_to_succeed_is_the_one_to_sample(self) -> None:
        self.settle()
        succeeded = [self.job(id) for id, status in self.expected.items() if status == "succeeded"]
        answer = self.client.get("/sample")
        if succeeded:
            assert answer.json()["job_id"] == max(succeeded, key=lambda job: job["finished_at"])["id"]
        else:
            problem(answer, 409, "no-model")


ALLOWED = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "succeeded"),
    ("running", "cancelled"),
}
TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
