"""Everything that a service loads, loaded once in the process that server processes are forked from."""

import gc
import importlib

from gan1010.warmup import compile_kernel
from service.settings import Settings

for module in (
    "anyio._backends._asyncio",
    "service.__main__",
    "service.server.main",
    "tests.support.server_setup",
    "uvicorn.lifespan.on",
    "uvloop",
):
    importlib.import_module(module)
compile_kernel()
Settings()  # the first takes 0.1 s
gc.freeze()  # a garbage collection in a child would copy all memory pages
