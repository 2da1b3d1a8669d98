"""What Prometheus is told, read as Prometheus reads it."""

import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics
from tests.support.clients import Client, app_client
from tests.support.contract import LONG_JOB, SHORT_JOB, content_type, start_running_job, submit_job, train

REQUESTS, SECONDS = "gan1010_requests_total", "gan1010_request_seconds_count"


def figures(client: Client) -> dict[tuple[str, ...], float]:
    """Each sample by its name and its labels' values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert content_type(answer) == "text/plain"
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "le")): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_route_method_and_status(client: Client) -> None:
    for path in ("/jobs/a", "/jobs/b", "/jobs/%0a", "/none", "/x/y", "/assets/lab.js", "/healthz"):
        client.get(path)
    client.post("/jobs")
    client.get("/jobs", headers={"Host": "evil.example"})
    counted = figures(client)
    expected = {
        ("GET", "/jobs/{job_id}", "404"): 3,
        ("GET", "none", "404"): 2,
        ("GET", "/assets", "200"): 1,
        ("GET", "/healthz", "200"): 1,
        ("POST", "/jobs", "405"): 1,
        ("GET", "none", "403"): 1,
    }
    for labels, count in expected.items():
        assert counted[REQUESTS, *labels] == counted[SECONDS, *labels] == count, labels
    assert figures(client)[REQUESTS, "GET", "/metrics", "200"] == 1


def test_jobs_are_counted_by_status_and_what_they_did(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        train(client, iterations=1000, seed=1)
        client.post("/sweeps?wait=9", json={"base": {"iterations": 10}, "grid": {"loss": ["mse", "bce"]}, "seeds": 3})
        assert figures(client)["gan1010_iterations_total",] == 1000 + 6 * 10
        running = start_running_job(client)
        waiting = [submit_job(client, **SHORT_JOB) for _ in range(2)]
        client.post(f"/jobs/{waiting[0]['id']}/cancel")
        now = figures(client)
        statuses = {"queued": 1, "running": 1, "paused": 0, "succeeded": 2, "failed": 0, "cancelled": 1}
        assert {status: now["gan1010_jobs", status] for status in statuses} == statuses
        assert now["gan1010_queue_depth",] == 1
        assert now["gan1010_job_seconds_count", "train", "succeeded"] == 1
        assert now["gan1010_job_seconds_count", "sweep", "succeeded"] == 1
        assert ("gan1010_job_seconds_count", "train", "cancelled") not in now  # it never ran
        cancelled = client.post(f"/jobs/{running['id']}/cancel").json()
        assert figures(client)["gan1010_iterations_total",] >= 1060 + cancelled["iteration"]
    with app_client(tmp_path, workers=1) as client:
        assert figures(client)["gan1010_jobs", "cancelled"] == 2


def test_iterations_are_counted_while_they_are_trained(client: Client) -> None:
    job = start_running_job(client, **LONG_JOB)
    client.post(f"/jobs/{job['id']}/pause")
    counted = figures(client)["gan1010_iterations_total",]
    assert counted == client.get(f"/jobs/{job['id']}").json()["iteration"] > 0
    client.post(f"/jobs/{job['id']}/resume")
    client.post(f"/jobs/{job['id']}/cancel")
    assert figures(client)["gan1010_iterations_total",] == client.get(f"/jobs/{job['id']}").json()["iteration"]


def test_samples_and_scores_are_counted(client: Client) -> None:
    train(client, **SHORT_JOB)
    client.get("/sample?seed=1&seed=2")
    client.post("/sample", json={"seeds": [0.5] * 2000})
    client.post("/score", json={"vectors": [[0, 0, 0, 0]] * 7})
    client.post("/score", json={"vectors": [[0, 0, 0]]})
    client.post("/sample", content=bytes(4 * 30), headers={"content-type": "application/octet-stream"})
    client.post("/score", content=bytes(4 * 4 * 50), headers={"content-type": "application/octet-stream"})
    tensor = {"name": "seed", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
    assert client.post("/v2/models/generator/infer", json={"inputs": [tensor]}).status_code == 200
    assert figures(client)["gan1010_samples_total",] == 2033
    assert figures(client)["gan1010_scores_total",] == 57


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.0002, 0.3, 30, 31])
def test_times_fall_into_the_bucket_below_their_bound(seconds: float) -> None:
    metrics = Metrics()
    metrics.requests.record("GET", "/sample", 200, seconds)
    families = {family.name: family for family in text_string_to_metric_families(metrics.render({}).decode())}
    buckets = [sample for sample in families["gan1010_request_seconds"].samples if sample.name.endswith("_bucket")]
    assert [sample.value for sample in buckets] == [float(seconds <= float(s.labels["le"])) for s in buckets]
    assert families["gan1010_request_seconds"].samples[-1].value == pytest.approx(seconds)


def test_two_applications_count_for_themselves(tmp_path: Path, client: Client) -> None:
    with app_client(tmp_path / "other") as other:
        other.get("/presets")
        assert figures(other)[REQUESTS, "GET", "/presets", "200"] == 1
        assert (REQUESTS, "GET", "/presets", "200") not in figures(client)


def test_figures_may_be_read_while_requests_are_counted() -> None:
    requests = Metrics().requests
    over = threading.Event()

    def count() -> None:
        for number in range(50_000):
            requests.record("GET", f"/{number}", 200, 0.001)
        over.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not over.is_set():
        assert len(list(requests.collect())) == 2
    thread.join()
