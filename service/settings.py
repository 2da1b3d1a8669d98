"""How the service is set up: the environment, read once, and checked."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting, from the environment (`GAN1010_PORT=9000`) or from a flag of the same name (`--port 9000`)."""

    model_config = SettingsConfigDict(env_prefix="GAN1010_", extra="ignore", frozen=True)

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = 8000
    data_dir: Annotated[Path, Field(description="folder in which jobs and models are kept")] = Path("data")
    workers: Annotated[int, Field(ge=1, le=1024, description="training threads")] = os.cpu_count() or 1
    queue_size: Annotated[int, Field(ge=1, description="jobs that may wait for a thread")] = 10_000
    max_body_bytes: Annotated[int, Field(ge=1024, description="largest request body")] = 8 * 2**20
