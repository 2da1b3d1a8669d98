"""The listing of jobs: what searches and sorts read, in short rows beside the long documents."""

import sqlite3
from typing import Any

from service.job import Job
from service.job_search import SORT_KEYS, Cursor, JobQuery, search_text, sort_values

COLUMNS = ("job_id", "kind", "name", *(f"key_{key}" for key in SORT_KEYS), "words")
INSERT = f"INSERT OR REPLACE INTO listing ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"  # noqa: S608  # nosec B608


def persist_listing(db: sqlite3.Connection, job: Job) -> None:
    """Insert or replace a job's row."""
    db.execute(INSERT, (job.id, job.kind, job.name, *sort_values(job), search_text(job)))


def search_query(query: JobQuery, after: Cursor | None, limit: int) -> tuple[str, list[Any]]:
    """Return SQL for the ids and the sort values of a page, and its values.

    Jobs without a value come last in both orders, and newer ones first among equals.
    """
    column = f"key_{query.key}"
    order, past = ("DESC", "<") if query.is_descending else ("ASC", ">")
    filters: dict[str, Any] = {"key_status = ?": query.status, "kind = ?": query.kind, "name = ?": query.name}
    conditions = [condition for condition, value in filters.items() if value is not None]
    values = [value for value in filters.values() if value is not None]
    if query.prefix is not None:
        conditions.append("job_id BETWEEN ? AND ?")
        values += [query.prefix, f"{query.prefix}~"]
    conditions += ["instr(words, ?)"] * len(query.words)
    values += query.words
    if after is not None and query.key == "created_at":
        conditions.append(f"job_id {past} ?")
        values.append(after.job_id)
    elif after is not None and after.value is None:
        conditions.append(f"({column} IS NULL AND job_id < ?)")
        values.append(after.job_id)
    elif after is not None:
        conditions.append(f"({column} {past} ? OR ({column} = ? AND job_id < ?) OR {column} IS NULL)")
        values += [after.value, after.value, after.job_id]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    by = f"job_id {order}" if query.key == "created_at" else f"{column} IS NULL, {column} {order}, job_id DESC"
    return f"SELECT job_id, {column} AS value FROM listing {where} ORDER BY {by} LIMIT ?", [*values, limit]  # noqa: S608  # nosec B608
