"""Shared schemas: requests, integers as JSON has them, pages, problems and health."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Entry = TypeVar("Entry")
Cursor = TypeVar("Cursor", str, int)


def _omit_null_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        if field.get("default", ...) is None:
            del field["default"]


class RequestModel(BaseModel):
    """A request body: no unknown fields and no conversion of types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, json_schema_extra=_omit_null_defaults
    )


def _to_integer(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


AS_INTEGER = BeforeValidator(_to_integer)  # JSON Schema counts 10.0 among the integers


class Page(BaseModel, Generic[Entry, Cursor]):
    """A page of a list; `next` is the `after` of the following page."""

    data: list[Entry]
    has_more: bool
    next: Cursor | None


def page_content(data: Sequence[Any], cursors: Sequence[Any], limit: int) -> dict[str, Any]:
    """Build a `Page`: its entries, and the cursors of up to `limit + 1` entries, from which `has_more` follows."""
    has_more = len(cursors) > limit
    return {"data": data, "has_more": has_more, "next": cursors[limit - 1] if has_more else None}


class Mistake(BaseModel):
    """One mistake in a request, and its place."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(description="a stable relative URI", examples=["/problems/job-not-found"])
    title: str
    status: int
    detail: str = Field(description="the fact, then the remedy")
    instance: str
    errors: list[Mistake] = Field(default=[], description="for 422: each mistake, at most 20")


class Health(BaseModel):
    """Health of the process."""

    status: Literal["ok", "stopping", "storage-failed", "no-workers"]


class ClusterWorker(BaseModel):
    """A worker of the cluster."""

    address: str
    name: str
    threads: int
    status: Literal["checking", "trusted", "refused"] = Field(
        description="`checking` until its test shard has ended; `refused` if it has another version or gives other bits"
    )
    reason: str | None = Field(description="why it is refused")
    in_flight: int = Field(description="shards that it trains, and that wait there")


class Cluster(BaseModel):
    """The Dask cluster that trains sweeps. Without a scheduler, the threads of the service train them."""

    scheduler: str | None = Field(description="its address; null without one", examples=["tcp://10.0.0.7:8786"])
    fallback: bool = Field(description="whether the threads of the service train sweeps while it is not connected")
    connected: bool
    detail: str | None = Field(description="why the scheduler is not connected")
    dashboard: str | None = Field(description="URL of Dask's dashboard")
    threads: int = Field(description="of all trusted workers")
    in_flight: int = Field(description="shards that the cluster trains, and that wait there")
    workers: list[ClusterWorker]
