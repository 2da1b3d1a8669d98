"""Everything that a service loads, loaded once in the process that server processes are forked from."""

import gc
import importlib
import logging

from gan1010.warmup import compile_kernel
from service.settings import Settings

logging.basicConfig(handlers=[logging.NullHandler()])  # so that Dask adds no handlers, as in a service
for module in (
    "anyio._backends._asyncio",
    "distributed.cli.dask_scheduler",
    "distributed.cli.dask_worker",
    "service.__main__",
    "service.server.main",
    "tests.support.server_setup",
    "uvicorn.lifespan.on",
    "uvloop",
):
    importlib.import_module(module)
logging.getLogger().handlers.clear()
compile_kernel()
Settings()  # the first takes 0.1 s
gc.freeze()  # a garbage collection in a child would copy all memory pages
