"""All that a service would load once it is started, loaded when this is; for the process that forks them."""

import gc

import anyio._backends._asyncio
import uvicorn.lifespan.on
import uvloop

import service.__main__
import service.cli.serving
import service.server
import tests.service.first
from service.runner import compile_kernel
from service.settings import Settings

__all__ = ["anyio", "service", "tests", "uvicorn", "uvloop"]

compile_kernel()
Settings()  # the first takes a tenth of a second
gc.freeze()  # a collection in a child would copy all that it looks at
