"""`gan1010 cluster`."""

import json
from typing import Any

import httpx
import pytest
from rich.console import Console

from gan1010.client.responses import Cluster
from service.cli.output import cluster_card
from tests.service.cli.commands import output_of

TRUSTED = {
    "address": "tcp://10.0.0.8:40001", "name": "big", "threads": 1600, "status": "trusted", "reason": None,
    "in_flight": 3200,
}  # fmt: skip
REFUSED = TRUSTED | {
    "address": "tcp://10.0.0.9:40001", "name": "tcp://10.0.0.9:40001", "status": "refused", "in_flight": 0,
    "reason": "It has [bold]\nother bits.",
}  # fmt: skip
CONNECTED: dict[str, Any] = {
    "scheduler": "tcp://10.0.0.7:8786", "fallback": True, "connected": True, "detail": None,
    "dashboard": "http://10.0.0.7:8787/status", "threads": 1600, "in_flight": 3200, "workers": [TRUSTED, REFUSED],
}  # fmt: skip
LOST = CONNECTED | {"connected": False, "detail": "It is gone.", "dashboard": None, "threads": 0, "in_flight": 0}
HEADINGS = "worker name threads in flight status"


def printed(cluster: dict[str, Any]) -> list[str]:
    """Print a cluster; return the lines that are not empty, with single spaces."""
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        console.print(cluster_card(Cluster.model_validate(cluster)))
    return [" ".join(line.split()) for line in capture.get().splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("cluster", "lines"),
    [
        (
            CONNECTED,
            [
                "Status connected, 1,600 threads, 3,200 shards in flight",
                "Dashboard http://10.0.0.7:8787/status",
                HEADINGS,
                "tcp://10.0.0.8:40001 big 1,600 3,200 trusted",
                "tcp://10.0.0.9:40001 1,600 0 refused: It has [bold] other bits.",
            ],
        ),
        (
            CONNECTED | {"dashboard": None, "threads": 0, "in_flight": 1, "workers": [REFUSED]},
            [
                "Status connected, 0 threads, 1 shard in flight",
                "Sweeps wait for a worker that is not refused.",
                HEADINGS,
                "tcp://10.0.0.9:40001 1,600 0 refused: It has [bold] other bits.",
            ],
        ),
        (
            CONNECTED | {"dashboard": None, "threads": 1, "in_flight": 0, "workers": []},
            [
                "Status connected, 1 thread, 0 shards in flight",
                "It has no worker: sweeps wait for one. Start one with: dask worker tcp://10.0.0.7:8786",
            ],
        ),
        (
            LOST | {"workers": []},
            ["Status not connected: It is gone.", "The threads of the service train sweeps."],
        ),
        (
            LOST | {"workers": [], "fallback": False},
            ["Status not connected: It is gone.", "Sweeps wait for it."],
        ),
    ],
)
def test_cluster_is_described(cluster: dict[str, Any], lines: list[str]) -> None:
    assert printed(cluster) == ["Scheduler tcp://10.0.0.7:8786", *lines]


def test_service_without_a_scheduler_says_how_to_use_one(server_url: str) -> None:
    assert "gan1010 serve --scheduler tcp://HOST:8786" in output_of("cluster", url=server_url)
    cluster = json.loads(output_of("cluster", "--json", url=server_url))
    assert cluster == httpx.get(f"{server_url}/cluster").json()
    assert (cluster["scheduler"], cluster["workers"]) == (None, [])
