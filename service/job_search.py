"""Search and order of jobs: the words, the keys that sort, and cursors between pages."""

import base64
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson

from service.errors import InvalidInputError
from service.job import Kind, Status

SortKey = Literal[
    "created_at", "finished_at", "name", "status", "pattern", "loss", "optimizer", "learning_rate",
    "generator_learning_rate", "hidden_size", "iterations", "seed", "bits", "settled_at", "discriminator_real_loss",
    "discriminator_fake_loss", "generator_loss",
]  # fmt: skip
SORT_KEYS: tuple[SortKey, ...] = get_args(SortKey)
SORTS = tuple(f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-"))
DEFAULT_SORT = "-created_at"
MAX_INTEGER = 2**63  # of SQLite
CURSOR_PATTERN = r"^[0-9a-f]{24}(\.[A-Za-z0-9_-]{1,2000})?$"


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The last job of a page, and its value of the sort key; of `created_at`, the value is the id."""

    job_id: str
    value: Any

    def encode(self) -> str:
        """Return the cursor as text: the id alone where it is the value, too."""
        if self.value == self.job_id:
            return self.job_id
        return f"{self.job_id}.{base64.urlsafe_b64encode(orjson.dumps(self.value)).rstrip(b'=').decode()}"

    @classmethod
    def decode(cls, text: str, key: SortKey) -> "Cursor":
        """Parse a cursor of a list in this order, or raise InvalidInputError."""
        job_id, _, encoded = text.partition(".")
        if bool(encoded) == (key == "created_at"):
            raise InvalidInputError(
                "after: The cursor is of a list in another order. Send `next` of a page.", "query", "after"
            )
        if not encoded:
            return cls(job_id=job_id, value=job_id)
        try:
            value = orjson.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        except ValueError:
            value = ()
        if not isinstance(value, str | int | float | None) or (isinstance(value, int) and abs(value) >= MAX_INTEGER):
            raise InvalidInputError("after: The cursor is damaged. Send `next` of a page.", "query", "after")
        return cls(job_id=job_id, value=value)


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """A page of the jobs that have all of `words` somewhere in their texts, in the order of `key`."""

    words: tuple[str, ...] = ()
    key: SortKey = "created_at"
    is_descending: bool = True
    status: Status | None = None
    kind: Kind | None = None
    name: str | None = None
    prefix: str | None = None
    after: Cursor | None = None
    limit: int = 50


def words_of(text: str) -> tuple[str, ...]:
    """Split a search into words, without regard to case."""
    return tuple(text.casefold().split())
