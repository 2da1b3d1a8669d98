"""Training of the GAN that learns the pattern 1-0-1-0, in compiled code.

>>> from gan1010 import TrainConfig, train
>>> run = train(TrainConfig(seed=1))
>>> run.result.bits
'1010'
"""

import lazy_loader

# Numba and torch take long to load, so a name is imported when it is first used. The stub lists all names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
