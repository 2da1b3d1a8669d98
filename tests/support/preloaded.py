"""What a service loads when it is started and later, loaded once: for the process that services are forked from."""

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
Settings()  # the first takes a tenth of a second
gc.freeze()  # a collection in a child would copy all that it looks at
