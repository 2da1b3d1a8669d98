"""Problems on the wire (RFC 9457)."""

from pydantic import BaseModel, Field


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
