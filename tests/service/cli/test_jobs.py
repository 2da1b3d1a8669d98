"""Commands that manage jobs."""

import json
import re

import httpx
import pytest

from tests.service.cli.commands import PLAIN_TERMINAL, invoke, output_of
from tests.support.contract import Json, start_running_job, submit_job, train


@pytest.fixture
def client(server_client: httpx.Client) -> httpx.Client:
    return server_client


@pytest.fixture
def running_job(client: httpx.Client) -> str:
    return str(start_running_job(client)["id"])


def test_jobs_are_listed_newest_first(client: httpx.Client, server_url: str) -> None:
    older, newer = (train(client, iterations=100, seed=1, name=name) for name in ("older", "[bold] newer [/b]"))
    lines = output_of("jobs", "--limit", 1, "--kind", "train", "--status", "succeeded", url=server_url).splitlines()
    assert newer["id"] in lines[1]
    assert re.search(r"train +\[bold] newer \[/b] +succeeded +100% +[01]{4} +(yes|no)", lines[1])
    assert lines[2].strip() == f"more with --after {newer['id']}"
    page = json.loads(output_of("jobs", "--after", newer["id"], "--limit", 1, "--json", url=server_url))
    assert page["data"] == [older]


def test_narrow_terminal_cuts_no_id(client: httpx.Client, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = train(client, iterations=20, name="a long name for a narrow terminal")
    monkeypatch.setitem(PLAIN_TERMINAL, "COLUMNS", "20")
    for command in (["jobs", "--limit", 1], ["show", job["id"]]):
        assert job["id"] in output_of(*command, url=server_url)


def test_name_is_printed_without_control_characters(client: httpx.Client, server_url: str) -> None:
    job = train(client, iterations=100, name="a\x1b[31m\nb\u2028c é")
    for output in (output_of("show", job["id"], url=server_url), output_of("jobs", "--limit", 1, url=server_url)):
        assert "a [31m b c é" in output


def test_job_is_shown(client: httpx.Client, server_url: str) -> None:
    job = train(client, preset="discriminator-alone", seed=5, iterations=500, name="[bold] alone [/b]")
    output = output_of("show", job["id"], url=server_url)
    assert f"{job['id']}  [bold] alone [/b]\n" in output
    assert re.search(r"^Settings +seed 5, iterations 500, experiment discriminator", output, re.MULTILINE)
    assert re.search(r"^Losses +D on real 0\.\d+, on fake 0\.\d+$", output, re.MULTILINE)
    assert re.search(r"^History +queued .*, running .*, succeeded", output, re.MULTILINE)
    assert json.loads(output_of("show", job["id"], "--json", url=server_url)) == job
    assert json.loads(output_of("show", "--json", url=server_url)) == job


def test_job_is_edited_and_found(client: httpx.Client, server_url: str) -> None:
    job = train(client, iterations=100, name="plain")["id"]
    output = output_of("edit", job, "--name", "fine", "--note", "[b] note", "--tag", "a", "--tag", "b", url=server_url)
    assert re.search(r"Job +[0-9a-f]{24}  fine\n", output)
    assert re.search(r"Note +\[b] note\nTags +a b\n", output)
    edited = json.loads(
        output_of("edit", job, "--name", "", "--tag", "found", "--untag", "a", "--json", url=server_url)
    )
    assert (edited["name"], edited["note"], edited["tags"]) == (None, "[b] note", ["b", "found"])
    page = json.loads(
        output_of("jobs", "--search", "#found iterations=100", "--sort", "-generator_loss", "--json", url=server_url)
    )
    assert page["data"] == [edited]


def test_job_is_paused_resumed_cancelled_and_deleted(client: httpx.Client, server_url: str, running_job: str) -> None:
    refused = invoke("delete", running_job, url=server_url)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "running" in refused.stderr
    assert "Cancel it first" in refused.stderr
    assert re.match(rf"{running_job}  paused, at [\d,]+ of 10,000,000", output_of("pause", running_job, url=server_url))
    assert client.get(f"/jobs/{running_job}").json()["status"] == "paused"
    assert json.loads(output_of("resume", running_job, "--json", url=server_url))["status"] in {"queued", "running"}
    assert output_of("cancel", running_job, url=server_url).startswith(f"{running_job}  cancelled")
    assert output_of("delete", running_job, url=server_url) == ""
    assert client.get(f"/jobs/{running_job}").status_code == 404


def test_ended_jobs_are_pruned(client: httpx.Client, server_url: str) -> None:
    first, second = (train(client, iterations=50, seed=1, name="to prune")["id"] for _ in range(2))
    conditions = ["prune", "--name", "to prune", "--status", "succeeded"]
    assert output_of(*conditions, "--older-than", "1 hour", url=server_url) == "No job meets the conditions.\n"
    found = f"2 jobs:\n  from {first}\n  to   {second}\n"
    assert output_of(*conditions, "--dry-run", url=server_url) == f"Would delete {found}"
    assert output_of(*conditions, url=server_url) == f"Deleted {found}"
    found = json.loads(output_of(*conditions, "--json", url=server_url))
    assert found == {"deleted": 0, "remaining": 0, "oldest": None, "newest": None}


def test_job_is_watched_to_its_end(client: httpx.Client, server_url: str) -> None:
    job = submit_job(client, iterations=600_000, seed=1)
    watched = invoke("watch", job["id"], url=server_url)
    assert watched.exit_code == 0, watched.output
    assert len(re.findall(r"^ +[\d,]+ +0\.\d+ +0\.\d+ +0\.\d+$", watched.stderr, re.MULTILINE)) == 20
    assert re.search(r"^Status +succeeded, 600,000 of 600,000", watched.stdout, re.MULTILINE)


def test_watched_events_are_printed_as_json(client: httpx.Client, server_url: str) -> None:
    job = submit_job(client, iterations=1000, seed=1)
    lines = output_of("watch", job["id"], "--json", url=server_url).splitlines()
    events: list[Json] = [json.loads(line) for line in lines]
    losses = [iteration for event in events if "series" in event for iteration in event["series"]["iteration"]]
    assert losses == list(range(5, 1001, 5))
    assert events[-1]["status"] == "succeeded"


def test_watching_a_job_that_does_not_succeed_fails(client: httpx.Client, server_url: str, running_job: str) -> None:
    client.post(f"/jobs/{running_job}/cancel")
    watched = invoke("watch", running_job, url=server_url)
    assert watched.exit_code == 1
    assert "cancelled" in watched.stderr
    assert re.search(r"^Status +cancelled", watched.stdout, re.MULTILINE)
