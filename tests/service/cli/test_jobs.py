"""The commands that look after jobs: they do what the calls do, and say what has come of it."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.service.cli.commands import done, gan1010
from tests.support.contract import Json, start_running_job, submit_job, train


@pytest.fixture
def client(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


@pytest.fixture
def running(client: httpx.Client) -> Iterator[str]:
    """A job that runs for long."""
    id: str = start_running_job(client)["id"]
    yield id
    client.post(f"/jobs/{id}/cancel")


def status_of(client: httpx.Client, id: str) -> str:
    return str(client.get(f"/jobs/{id}").json()["status"])


def test_jobs_are_listed_newest_first(client: httpx.Client, server_url: str) -> None:
    older, newer = (train(client, iterations=100, seed=1, name=name) for name in ("older", "newer"))
    lines = done("jobs", "--limit", 1, "--kind", "train", "--status", "succeeded", url=server_url).splitlines()
    assert newer["id"] in lines[1]
    assert re.search(r"train +newer +succeeded +100% +[01]{4} +(yes|no)", lines[1])
    assert lines[2].strip() == f"more with --after {newer['id']}"
    page = json.loads(done("jobs", "--after", newer["id"], "--limit", 1, "--json", url=server_url))
    assert page["data"] == [older]


def test_job_is_shown(client: httpx.Client, server_url: str) -> None:
    job = train(client, preset="discriminator-alone", seed=5, iterations=500, name="alone")
    shown = done("show", job["id"], url=server_url)
    assert re.search(rf"^Job +{job['id']}  alone", shown, re.MULTILINE)
    assert re.search(r"^Settings +seed 5, iterations 500, experiment discriminator", shown, re.MULTILINE)
    assert re.search(r"^Losses +D on real 0\.\d+, on fake 0\.\d+$", shown, re.MULTILINE)
    assert re.search(r"^History +queued .*, running .*, succeeded", shown, re.MULTILINE)
    assert json.loads(done("show", job["id"], "--json", url=server_url)) == job
    assert json.loads(done("show", "--json", url=server_url)) == job


def test_life_of_a_job(client: httpx.Client, server_url: str, running: str) -> None:
    assert re.match(rf"{running}  paused, at [\d,]+ of 10,000,000", done("pause", running, url=server_url))
    assert status_of(client, running) == "paused"
    assert json.loads(done("resume", running, "--json", url=server_url))["status"] in {"queued", "running"}
    assert done("cancel", running, url=server_url).startswith(f"{running}  cancelled")
    assert done("delete", running, url=server_url) == ""
    assert client.get(f"/jobs/{running}").status_code == 404


def test_watched_job_is_shown_to_its_end(client: httpx.Client, server_url: str) -> None:
    job = submit_job(client, iterations=600_000, seed=1)
    watched = gan1010("watch", job["id"], url=server_url)
    assert watched.exit_code == 0, watched.output
    assert len(re.findall(r"^ +[\d,]+ +0\.\d+ +0\.\d+ +0\.\d+$", watched.stderr, re.MULTILINE)) == 20
    assert re.search(r"^Status +succeeded, 600,000 of 600,000", watched.stdout, re.MULTILINE)


def test_watched_job_is_told_event_by_event(client: httpx.Client, server_url: str) -> None:
    job = submit_job(client, iterations=1000, seed=1)
    events: list[Json] = [json.loads(line) for line in done("watch", job["id"], "--json", url=server_url).splitlines()]
    points = [point for event in events if "series" in event for point in event["series"]["iteration"]]
    assert points == list(range(5, 1001, 5))
    assert events[-1]["status"] == "succeeded"


def test_job_that_has_not_succeeded_gives_a_code(client: httpx.Client, server_url: str, running: str) -> None:
    client.post(f"/jobs/{running}/cancel")
    watched = gan1010("watch", running, url=server_url)
    assert watched.exit_code == 1
    assert "cancelled" in watched.stderr
    assert re.search(r"^Status +cancelled", watched.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["show", "watch", "pause", "resume", "cancel", "delete"])
def test_unknown_job_is_named_as_such(server_url: str, command: str) -> None:
    asked = gan1010(command, "nosuchjob", url=server_url)
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert "No job has this id" in asked.stderr


@pytest.mark.parametrize("command", ["jobs", "show", "watch", "sample", "presets", "export"])
def test_nobody_answers(command: str) -> None:
    asked = gan1010(command, url="http://127.0.0.1:9")
    assert (asked.exit_code, asked.stdout) == (3, "")
    assert re.search(r"No service answers at http://127.0.0.1:9 .* gan1010 serve", asked.stderr)


def test_what_the_state_forbids_is_said(server_url: str, running: str) -> None:
    asked = gan1010("delete", running, url=server_url)
    assert asked.exit_code == 1
    assert "The job is running. Cancel it first" in asked.stderr


def test_name_is_no_markup(client: httpx.Client, server_url: str) -> None:
    job = train(client, iterations=100, name="[bold] a [/b]")
    assert "[bold] a [/b]" in done("jobs", "--limit", 1, url=server_url)
    assert "[bold] a [/b]" in done("show", job["id"], url=server_url)
