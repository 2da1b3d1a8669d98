"""Base classes of the schemas: requests, pages, and integers as JSON has them."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

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
