"""Prometheus metrics: requests, jobs, iterations, samples and scores."""

import math
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from service.job import Job, Status
from service.telemetry.logs import DROPPED_LINES

REQUEST_BUCKETS_SECONDS = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
JOB_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

REFUSAL_REASONS = ("host", "public-address", "origin", "no-key", "wrong-key", "too-many-wrong-keys")


class Metrics:
    """All metrics of one application. Several applications in one process count separately."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("gan1010", "The service", registry=registry).info({"version": version("gan1010")})
        labels = ("method", "route", "status")
        requests = Counter("gan1010_requests", "Requests", labels, registry=registry)
        seconds = Histogram(
            "gan1010_request_seconds",
            "Duration of requests",
            labels,
            buckets=REQUEST_BUCKETS_SECONDS,
            registry=registry,
        )
        # Cached, because a lookup by labels costs more than the counting.
        self._of_request = cache(lambda *values: (requests.labels(*values), seconds.labels(*values)))
        self._refused = Counter(
            "gan1010_refused_requests", "Requests that the access control refused", ("reason",), registry=registry
        )
        for reason in REFUSAL_REASONS:  # alerts need the series before the first refusal
            self._refused.labels(reason)
        self._jobs = Gauge("gan1010_jobs", "Jobs, by status", ("status",), registry=registry)
        self._queue_depth = Gauge("gan1010_queue_depth", "Jobs that wait for a thread", registry=registry)
        self._job_seconds = Histogram(
            "gan1010_job_seconds",
            "From a job's start to its end",
            ("kind", "status"),
            buckets=JOB_BUCKETS_SECONDS,
            registry=registry,
        )
        self.iterations = Counter("gan1010_iterations", "Iterations trained, of all GANs", registry=registry)
        self.cluster_workers = Gauge("gan1010_cluster_workers", "Workers of the cluster in use", registry=registry)
        self.cluster_shards_in_flight = Gauge(
            "gan1010_cluster_shards_in_flight", "Shards that the cluster trains", registry=registry
        )
        self.samples = Counter("gan1010_samples", "Samples served", registry=registry)
        self.scores = Counter("gan1010_scores", "Scores served", registry=registry)
        self._data_bytes = Gauge("gan1010_data_bytes", "Size of the jobs and models on disk", registry=registry)
        self._data_free_bytes = Gauge(
            "gan1010_data_free_bytes", "Free space on the disk of the data", registry=registry
        )
        self._oldest_job = Gauge(
            "gan1010_oldest_job_timestamp_seconds", "Creation of the oldest job, NaN without one", registry=registry
        )
        registry.register(DROPPED_LINES)  # of the process, as its log is

    def record_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        requests, durations = self._of_request(method, route, status)
        requests.inc()
        durations.observe(seconds)

    def record_refusal(self, reason: str) -> None:
        """Count a request that the access control refused."""
        self._refused.labels(reason).inc()

    def record_job_end(self, job: Job, seconds: float) -> None:
        """Count an ended job, if it ever started."""
        if job.started_at is not None:
            self._job_seconds.labels(job.kind, job.status).observe(seconds)

    def record_usage(self, size: int, free: int, oldest_job: float | None) -> None:
        """Record the bytes of the data folder, those that are free there, and the creation of the oldest job."""
        self._data_bytes.set(size)
        self._data_free_bytes.set(free)
        self._oldest_job.set(math.nan if oldest_job is None else oldest_job)

    def render(self, jobs: Mapping[str, int]) -> bytes:
        """Render all metrics in Prometheus' text format, given the number of jobs in each status."""
        for status in get_args(Status):
            self._jobs.labels(status).set(jobs.get(status, 0))
        self._queue_depth.set(jobs.get("queued", 0))
        return generate_latest(self._registry)
