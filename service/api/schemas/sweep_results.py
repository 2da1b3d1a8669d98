"""Results of sweeps on the wire, built from arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any

from pydantic import BaseModel, Field

from gan1010 import Result
from gan1010.sweeps.grid import SweepConfig
from gan1010.types import Array
from service.api.schemas.common import Page
from service.job import Status

Table = Mapping[str, Array]
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
    return [
        {
            "cell": number,
            "config": config.cell(number),
            "count": count,
            "bits_rate": bits,
            "in_range_rate": in_range,
            "settled_at": {"p5": p5, "p50": p50, "p95": p95},
            "discriminator_real_loss": real,
            "discriminator_fake_loss": fake,
            "generator_loss": generator,
        }
        for number, count, bits, in_range, p5, p50, p95, real, fake, generator in zip(
            numbers, *(values.tolist() for values in table.values()), strict=True
        )
    ]


def member_rows(config: SweepConfig, index: list[int], results: list[Result | None]) -> list[dict[str, Any]]:
    """Build the content of a `MemberOut` for each member."""
    return [
        {"index": i, "seed": config.first_seed + i % config.seeds, "cell": i // config.seeds}
        | (vars(result) if result else DIVERGED)
        for i, result in zip(index, results, strict=True)
    ]
