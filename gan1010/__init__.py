"""Training of the GAN that learns the pattern 1-0-1-0, in compiled code.

>>> from gan1010 import TrainConfig, train
>>> run = train(TrainConfig(seed=1))
>>> run.result.bits
'1010'
"""

from typing import Any

import lazy_loader

# Numba and torch take long to load, so a name is imported when it is first used. The stub lists all names.
_import, _names, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    return _import(name)


def __dir__() -> list[str]:
    return [*_names(), "__version__"]
