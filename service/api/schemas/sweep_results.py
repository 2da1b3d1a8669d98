"""Results of sweeps on the wire, built from arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from gan1010 import Result, patterns
from gan1010.results import MEANS
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import COVERAGE, NEVER_SETTLED, NO_MEMBERS, Members, padded
from gan1010.types import Array, Int64s
from service.api.schemas.common import Page
from service.job import Status
from service.jobs.sweep_runs import FinishedMembers

Table = Mapping[str, Array]
WIDTHS: dict[str, Callable[[str], int]] = {
    "sample": patterns.width,
    "shares": lambda pattern: len(patterns.words(pattern)),
}
DIVERGED = dict.fromkeys(field.name for field in fields(Result))


class SettledOut(BaseModel):
    """Percentiles of `settled_at` over the finished members; each is null until that share of them has settled."""

    p5: float | None
    p50: float | None
    p95: float | None


class CellOut(BaseModel):
    """A cell of the grid: rates over its finished members, and means of the finite losses."""

    cell: int
    config: dict[str, Any] = Field(description="the cell's values of the grid's settings")
    count: int = Field(description="finished members")
    bits_rate: float | None = Field(description="the share with the pattern's bits")
    in_range_rate: float | None = Field(description="the share in range")
    settled_at: SettledOut
    discriminator_real_loss: float | None
    discriminator_fake_loss: float | None
    generator_loss: float | None
    covers_all_rate: float | None = Field(description="the share that covers all patterns")
    covered: float | None = Field(description="mean number of patterns with at least a tenth of G's samples")
    quality: float | None = Field(description="mean share of G's samples that belong to any pattern")
    diversity: float | None = Field(description="mean standard deviation of G's samples, over their places")


class CellPage(Page[CellOut, int]):
    """A page of the cells, by number."""

    job_id: str
    status: Status


class ResultOut(BaseModel):
    """The result of a training: losses and scores are means over its last tenth. Null without a generator."""

    sample: list[float] | None = Field(description="G's output for latent_value")
    bits: str | None = Field(description="each value of the sample rounded at 0.5")
    in_range: bool | None = Field(description="every value of the sample is in its real range")
    settled_at: int | None = Field(description="first recorded iteration from which in_range holds to the end")
    discriminator_real_loss: float
    discriminator_fake_loss: float
    generator_loss: float | None
    real_score: float
    fake_score: float
    covered: int | None = Field(description="patterns that have at least a tenth of 512 samples")
    quality: float | None = Field(description="share of the samples that belong to any pattern")
    diversity: float | None = Field(description="mean over places of the samples' standard deviation")
    shares: list[float] | None = Field(description="share of the samples that belong to each pattern")


class MemberOut(BaseModel):
    """One GAN of a sweep, with the fields of a job's result; all are null if it diverged."""

    index: int = Field(description="its number in the sweep")
    seed: int
    cell: int
    sample: list[float] | None
    bits: str | None
    in_range: bool | None
    settled_at: int | None
    discriminator_real_loss: float | None
    discriminator_fake_loss: float | None
    generator_loss: float | None
    real_score: float | None
    fake_score: float | None
    covered: int | None
    quality: float | None
    diversity: float | None
    shares: list[float] | None


class MemberPage(Page[MemberOut, int]):
    """A page of the finished members, by index."""


def cell_columns(config: SweepConfig, numbers: range, table: Table) -> dict[str, Sequence[Any]]:
    """Build the columns of a CSV file: numbers, settings and figures of cells."""
    settings = [config.cell(number) for number in numbers]
    named = {name: [cell[name] for cell in settings] for name in config.grid}
    figures = {name: [x if isfinite(x) else None for x in values.tolist()] for name, values in table.items()}
    return {"cell": numbers, **named, **figures}


def cell_rows(config: SweepConfig, numbers: range, table: Table) -> list[dict[str, Any]]:
    """Build the content of a `CellOut` for each cell; NaN becomes null in JSON."""
    rows = []
    for number, values in zip(numbers, zip(*(column.tolist() for column in table.values()), strict=True), strict=True):
        figures = dict(zip(table, values, strict=True))
        settled = {percentile: figures[f"settled_at_{percentile}"] for percentile in SettledOut.model_fields}
        row = {"cell": number, "config": config.cell(number), "settled_at": settled, **figures}
        rows.append({name: row[name] for name in CellOut.model_fields})
    return rows


def member_rows(config: SweepConfig, index: list[int], results: list[Result | None]) -> list[dict[str, Any]]:
    """Build the content of a `MemberOut` for each member."""
    return [
        {"index": i, "seed": config.first_seed + i % config.seeds, "cell": i // config.seeds}
        | (vars(result) if result else DIVERGED)
        for i, result in zip(index, results, strict=True)
    ]


def member_columns(config: SweepConfig) -> dict[str, Array]:
    """Build the arrays of no members: their numbers, their settings in the grid, and the columns of `Members`.

    Samples are as wide as the longest pattern, and shares as the largest number of patterns. A setting that is null is
    NaN.
    """
    figures = NO_MEMBERS.columns | {name: _padded(config, NO_MEMBERS, name) for name in WIDTHS}
    return _numbers_and_settings(config, figures.pop("index")) | figures


def member_column(config: SweepConfig, finished: FinishedMembers, name: str, start: int, stop: int) -> Array:
    """Read the rows `start` to `stop` of an array of `member_columns`."""
    index = finished.index[start:stop]
    if name in ("index", "cell", "seed") or name in config.grid:
        return _number_or_setting(config, index, name)
    like = member_columns(config)[name]
    column = np.empty((len(index), *like.shape[1:]), like.dtype)
    for places, members in finished.parts(start, stop):
        column[places] = _padded(config, members, name) if name in WIDTHS else getattr(members, name)
    return column


def member_csv_columns(config: SweepConfig, members: Members) -> dict[str, Array]:
    """Build the columns of a CSV file of members; what is null in JSON is masked or NaN."""
    has_ended = np.isfinite(members.discriminator_real_loss)
    sample = np.where(has_ended[:, None], _padded(config, members, "sample"), np.nan)
    missing = np.isnan(sample)
    bits = np.where(missing, "", np.where(sample >= 0.5, "1", "0"))
    return {
        **_numbers_and_settings(config, members.index),
        **{f"sample_{place}": values for place, values in enumerate(sample.T)},
        "bits": np.ascontiguousarray(bits).view(f"U{bits.shape[1]}").ravel(),
        "in_range": np.ma.array(members.in_range, mask=missing.all(axis=1)),
        "settled_at": np.ma.masked_equal(members.settled_at, NEVER_SETTLED),
        **{name: getattr(members, name) for name in MEANS},
        "covered": np.ma.array(np.nan_to_num(members.covered).astype(np.int64), mask=np.isnan(members.covered)),
        **{name: getattr(members, name) for name in COVERAGE if name != "covered"},
        **{f"share_{pattern}": values for pattern, values in enumerate(_padded(config, members, "shares").T)},
    }


def _numbers_and_settings(config: SweepConfig, index: Int64s) -> dict[str, Array]:
    return {name: _number_or_setting(config, index, name) for name in ("index", "cell", *config.grid, "seed")}


def _number_or_setting(config: SweepConfig, index: Int64s, name: str) -> Array:
    if name == "index":
        return index
    if name == "seed":
        return config.seed_values[index % config.seeds]
    cell = index // config.seeds
    return cell if name == "cell" else config.cell_column(name, cell)


def _padded(config: SweepConfig, members: Members, name: str) -> Array:
    """Return the samples or the shares, as wide as the widest of the sweep."""
    width = max(map(WIDTHS[name], config.grid.get("pattern", (config.config(0).pattern,))))
    return padded(getattr(members, name), width)
