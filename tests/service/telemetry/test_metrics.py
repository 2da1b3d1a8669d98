"""Metrics, parsed as Prometheus parses them."""

import math
import shutil
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics
from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, content_type, start_running_job, submit_job, train

REQUESTS, SECONDS = "gan1010_requests_total", "gan1010_request_seconds_count"


def read_metrics(client: Client) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and its labels' values."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert content_type(response) == "text/plain"
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "le")): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_method_route_and_status(client: Client) -> None:
    for path in ("/jobs/a", "/jobs/b", "/jobs/%0a", "/none", "/x/y", "/assets/lab.js", "/healthz"):
        client.get(path)
    client.post("/jobs")
    client.get("/jobs", headers={"Host": "evil.example"})
    metrics = read_metrics(client)
    expected = {
        ("GET", "/jobs/{job_id}", "404"): 3,
        ("GET", "none", "404"): 2,
        ("GET", "/assets", "200"): 1,
        ("GET", "/healthz", "200"): 1,
        ("POST", "/jobs", "405"): 1,
        ("GET", "none", "403"): 1,
    }
    for labels, count in expected.items():
        assert metrics[REQUESTS, *labels] == metrics[SECONDS, *labels] == count, labels
    assert read_metrics(client)[REQUESTS, "GET", "/metrics", "200"] == 1


def test_jobs_and_iterations_are_counted(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        train(client, iterations=1000, seed=1)
        client.post("/sweeps?wait=30", json={"base": {"iterations": 10}, "grid": {"loss": ["mse", "bce"]}, "seeds": 3})
        assert read_metrics(client)["gan1010_iterations_total",] == 1000 + 6 * 10
        running = start_running_job(client)
        waiting = [submit_job(client, **SHORT_JOB) for _ in range(2)]
        client.post(f"/jobs/{waiting[0]['id']}/cancel")
        metrics = read_metrics(client)
        statuses = {"queued": 1, "running": 1, "paused": 0, "succeeded": 2, "failed": 0, "cancelled": 1}
        assert {status: metrics["gan1010_jobs", status] for status in statuses} == statuses
        assert metrics["gan1010_queue_depth",] == 1
        assert metrics["gan1010_job_seconds_count", "train", "succeeded"] == 1
        assert metrics["gan1010_job_seconds_count", "sweep", "succeeded"] == 1
        assert ("gan1010_job_seconds_count", "train", "cancelled") not in metrics  # the cancelled job never ran
        cancelled = client.post(f"/jobs/{running['id']}/cancel").json()
        assert read_metrics(client)["gan1010_iterations_total",] >= 1060 + cancelled["iteration"]
    with app_client(tmp_path, workers=1) as client:
        assert read_metrics(client)["gan1010_jobs", "cancelled"] == 2


def test_data_folder_is_measured(client: Client, tmp_path: Path) -> None:
    metrics = read_metrics(client)
    assert math.isnan(metrics["gan1010_oldest_job_timestamp_seconds",])
    began = time.time()
    train(client, **SHORT_JOB)
    metrics = read_metrics(client)
    names = ("gan1010.sqlite", "gan1010.sqlite-wal")
    files = [*(tmp_path / "data" / name for name in names), *tmp_path.rglob("*.safetensors")]
    assert metrics["gan1010_data_bytes",] == sum(file.stat().st_size for file in files)
    assert 0 < metrics["gan1010_data_free_bytes",] <= shutil.disk_usage(tmp_path).total
    assert began <= metrics["gan1010_oldest_job_timestamp_seconds",] <= time.time()


def test_iterations_are_counted_during_the_training(client: Client) -> None:
    job = start_running_job(client)
    client.post(f"/jobs/{job['id']}/pause")
    counted = read_metrics(client)["gan1010_iterations_total",]
    assert counted == client.get(f"/jobs/{job['id']}").json()["iteration"] > 0
    client.post(f"/jobs/{job['id']}/resume")
    client.post(f"/jobs/{job['id']}/cancel")
    counted = read_metrics(client)["gan1010_iterations_total",]
    assert counted == client.get(f"/jobs/{job['id']}").json()["iteration"]


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
    metrics = read_metrics(client)
    assert (metrics["gan1010_samples_total",], metrics["gan1010_scores_total",]) == (2033, 57)


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.0002, 0.3, 30, 31])
def test_durations_fall_into_the_right_bucket(seconds: float) -> None:
    metrics = Metrics()
    metrics.record_request("GET", "/sample", 200, seconds)
    families = {family.name: family for family in text_string_to_metric_families(metrics.render({}).decode())}
    samples = families["gan1010_request_seconds"].samples
    buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
    assert [sample.value for sample in buckets] == [float(seconds <= float(s.labels["le"])) for s in buckets]
    assert [sample.value for sample in samples if sample.name.endswith("_sum")] == [pytest.approx(seconds)]


def test_applications_in_one_process_count_separately(tmp_path: Path, client: Client) -> None:
    with app_client(tmp_path / "other") as other:
        other.get("/presets")
        assert read_metrics(other)[REQUESTS, "GET", "/presets", "200"] == 1
        assert (REQUESTS, "GET", "/presets", "200") not in read_metrics(client)
