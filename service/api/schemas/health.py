"""Health of the process on the wire."""

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """Health of the process."""

    status: Literal["ok", "stopping", "storage-failed"]
