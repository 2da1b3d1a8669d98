"""Health of the process on the wire."""

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """How the process is."""

    status: Literal["ok", "stopping"]
