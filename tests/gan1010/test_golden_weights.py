"""Golden weights: SHA-256 of both networks after ten trainings, which must never change."""

import hashlib
from typing import Any

import pytest

from gan1010 import TrainConfig, train

GOLDEN: list[tuple[dict[str, Any], str]] = [
    ({"seed": 1},
     "7442b86cf81771f31b1e853e43539fa7010a4cbc88c4afbd443d912961c3fd52"),
    ({"seed": 2, "pattern": "1101001110010110", "hidden_size": 64, "iterations": 500},
     "7e5bca941434c06fa653c609450aa91a301b7a4992d2d9852330685cc5b5668c"),
    ({"seed": 3, "pattern": "1", "hidden_size": 1, "iterations": 2000},
     "43727dbc19da770b9730f2cabb61942be5038563440e0e2eeb63c275d4f52d25"),
    ({"seed": 4, "loss": "bce"},
     "8046ca36697bc115c5b43fad3571e974907b556cb040a684371bb1d8769e58b5"),
    ({"seed": 5, "optimizer": "adam", "loss": "bce", "learning_rate": 0.001},
     "dd3743ba4c32f3a54b1f5dfff1247997d0466e5b3ef30c8b4114c04a1e5bdda6"),
    ({"seed": 6, "optimizer": "adam", "learning_rate": 0.002, "pattern": "0110", "hidden_size": 5},
     "3732de3a24300a50e69cd0c30182568550eb2191b7dd1002ef80fe583c84d4f7"),
    ({"seed": 7, "latent": "uniform", "hidden_size": 8},
     "4a41ec93a5eb1d2dbdcea7a1982df47461208ca17bee63d6c3d675a3f2ed797f"),
    ({"seed": 8, "latent": "normal", "pattern": "110010", "spread": 0.1},
     "3c701f982eaf4d5290e56b70afa1cdb91dbcef54d251a5752362d7627b523cd2"),
    ({"seed": 9007199254740991, "experiment": "discriminator"},
     "7197b26cf316ecb1a3a52f8ff59c3ee32fbc6223f10acb7a2f48b60e9bdf6406"),
    ({"seed": 0, "learning_rate": 0.05, "generator_learning_rate": 0.003, "latent_value": -2.5,
      "iterations": 30000, "loss": "bce", "latent": "normal", "optimizer": "adam"},
     "d747257237d44a43d725f38d3b1bea800714c080222743e76ddd20c1dd7b8bcb"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "digest"), GOLDEN)
def test_training_gives_the_golden_weights(settings: dict[str, Any], digest: str) -> None:
    model = train(TrainConfig(**settings)).model()
    generator = b"" if model.generator is None else model.generator.tobytes()
    assert hashlib.sha256(model.discriminator.tobytes() + generator).hexdigest() == digest
