"""Endpoints of sweeps and of the cluster that trains them."""

from collections.abc import Mapping
from typing import Any

from gan1010.client import responses
from gan1010.client.calls import Call, Endpoint, Format, content, get, parse_as, start, text, url_path
from gan1010.client.json_content import as_list
from gan1010.client.responses import Job, Page
from gan1010.client.settings import SeedRange, TrainSettings


class SweepEndpoints:
    """The methods for sweeps."""

    @Endpoint
    def sweep(
        self,
        *,
        base: TrainSettings | None = None,
        grid: Mapping[str, Any] | None = None,
        seeds: int | SeedRange = 100,
        name: str | None = None,
        wait: float = 0,
        idempotency_key: str | None = None,
    ) -> Call[Job]:
        """Start a sweep: one training for every combination of the grid's values and every random seed.

        `grid` has the value or the values of each setting that varies.
        """
        values = {setting: as_list(values) for setting, values in (grid or {}).items()}
        body = {"base": base or {}, "grid": values, "seeds": seeds, "name": name}
        return start("/sweeps", wait, idempotency_key, body)

    @Endpoint
    def train_member(
        self, job_id: str, index: int, *, wait: float = 0, idempotency_key: str | None = None
    ) -> Call[Job]:
        """Train one member of a sweep again as a job of its own. Its weights are the same to the last bit."""
        return start(url_path("sweeps", job_id, "members", index, "train"), wait, idempotency_key)

    @Endpoint
    def results(self, job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[responses.Results]:
        """List the results of a sweep's cells, also while it runs."""
        return get(url_path("sweeps", job_id, "results"), parse_as(responses.Results), limit=limit, after=after)

    @Endpoint
    def results_csv(self, job_id: str, *, limit: int = 10_000, after: int | None = None) -> Call[str]:
        """Get the results of a sweep's cells as CSV."""
        return get(url_path("sweeps", job_id, "results"), text, "text/csv", limit=limit, after=after)

    @Endpoint
    def members(
        self,
        job_id: str,
        *,
        cell: int | None = None,
        in_range: bool | None = None,
        limit: int = 50,
        after: int | None = None,
    ) -> Call[Page[responses.Member]]:
        """List the finished members of a sweep."""
        path, parser = url_path("sweeps", job_id, "members"), parse_as(Page[responses.Member])
        return get(path, parser, cell=cell, in_range=in_range, limit=limit, after=after)

    @Endpoint
    def members_csv(self, job_id: str, *, cell: int | None = None, in_range: bool | None = None) -> Call[str]:
        """Get all finished members of a sweep as CSV: some 200 bytes each."""
        return get(url_path("sweeps", job_id, "members"), text, "text/csv", cell=cell, in_range=in_range)

    @Endpoint
    def members_npz(self, job_id: str, *, cell: int | None = None, in_range: bool | None = None) -> Call[bytes]:
        """Get all finished members of a sweep as an `.npz` file of NumPy arrays: some 100 bytes each."""
        path = url_path("sweeps", job_id, "members")
        return get(path, content, "application/x-npz", cell=cell, in_range=in_range)

    @Endpoint
    def heatmap(
        self,
        job_id: str,
        format: Format = "png",
        *,
        x: str | None = None,
        y: str | None = None,
        value: str = "in_range_rate",
    ) -> Call[bytes]:
        """Get a heat map of one figure of a sweep's cells over two settings."""
        return get(url_path("sweeps", job_id, "plots", f"heatmap.{format}"), content, x=x, y=y, value=value)

    @Endpoint
    def cluster(self) -> Call[responses.Cluster]:
        """Get the Dask cluster that trains sweeps, with its workers."""
        return get("/cluster", parse_as(responses.Cluster))
