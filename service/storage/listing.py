"""The listing of jobs: what searches and sorts read, in short rows beside the long documents."""

import dataclasses
import sqlite3
from collections.abc import Iterator
from typing import Any

from gan1010.sweeps.grid import SweepConfig
from service.job import Job
from service.job_search import SORT_KEYS, Cursor, JobQuery

COLUMNS = ("job_id", "kind", "name", *(f"key_{key}" for key in SORT_KEYS), "words")
INSERT = f"INSERT OR REPLACE INTO listing ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"  # noqa: S608  # nosec B608
# A word is anywhere in the name, note or tags, at an end of the id, or at the start of a part of a setting.
# Within a setting, 01 would be found in every 1010.
_ID_LINE = "instr(char(10) || words, char(10) || job_id || char(10))"
_TEXTS, _SETTINGS = f"substr(words, 1, {_ID_LINE} - 1)", f"substr(char(10) || words, {_ID_LINE})"
_PARTS = " OR ".join(f"instr({_SETTINGS}, {mark} || ?)" for mark in ("char(10)", "'='", "','", "'+'", "'_'"))
WORD = f"instr(words, ?) AND (instr({_TEXTS}, ?) OR instr(job_id || char(10), ? || char(10)) OR {_PARTS})"
MAX_GRID_VALUES = 20  # of each setting of a sweep that a search finds


def persist_listing(db: sqlite3.Connection, job: Job) -> None:
    """Insert or replace a job's row."""
    db.execute(INSERT, (job.id, job.kind, job.name, *_sort_values(job), _search_text(job)))


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
    for word in query.words:
        conditions.append(WORD)
        values += [word] * WORD.count("?")
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


def _search_text(job: Job) -> str:
    """Return what a search reads: name, note, tags, id, kind, preset and settings as `name=value`."""
    parts = [job.name, job.note, *(f"#{tag}" for tag in job.tags), job.id, job.kind, f"preset={job.preset}"]
    parts += [f"{name}={value}" for name, value in _settings(job)]
    return "\n".join(part for part in parts if part).casefold()


def _settings(job: Job) -> Iterator[tuple[str, Any]]:
    config = job.config
    if isinstance(config, SweepConfig):
        yield from config.base.items()
        yield from ((name, ",".join(map(str, values[:MAX_GRID_VALUES]))) for name, values in config.grid.items())
    else:
        yield from (vars(config) | config.defaults).items()


def _sort_values(job: Job) -> tuple[Any, ...]:
    """Return the job's values of `SORT_KEYS`; None where it has none."""
    config = {} if isinstance(job.config, SweepConfig) else vars(job.config) | job.config.defaults
    result = dataclasses.asdict(job.result) if job.result else {}
    values = (
        config
        | result
        | {
            "created_at": job.id,
            "finished_at": job.finished_at and job.finished_at.isoformat(),
            "name": job.name and job.name.casefold(),
            "status": job.status,
            "iterations": job.iterations,
        }
    )
    return tuple(values.get(key) for key in SORT_KEYS)
