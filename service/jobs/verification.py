"""Verification of a cluster's workers: the version of gan1010, and a test shard whose bits this process knows."""

import asyncio
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import train_whole_shard
from service.jobs.scheduler import loss_errors

# Cross-entropy, Adam and the normal latent use every function of the compiled code whose bits could differ.
TEST_SWEEP = SweepConfig(
    base={"iterations": 300, "loss": "bce", "optimizer": "adam", "latent": "normal", "learning_rate": 0.01}, seeds=64
)
TEST_SHARD = TEST_SWEEP.shard_settings(TEST_SWEEP.shards[0])
TEST_SECONDS = 120  # the first shard of a machine compiles the kernel
OTHER_BITS = "Its processor or its libraries give other bits. Use the image or the libraries of the service."


async def reason_to_refuse(client: Any, address: str) -> str | None:
    """Let a worker report its version and train the test shard; return None if both are as here.

    Raises:
        loss_errors: the scheduler or the worker is lost.
    """
    ours = version("gan1010")
    try:
        async with asyncio.timeout(TEST_SECONDS):
            theirs = await client.submit(version, "gan1010", workers=[address], pure=False)
            if theirs != ours:
                return f"It has gan1010 {theirs} and the service {ours}. Install gan1010 {ours} there."
            members = await client.submit(train_whole_shard, TEST_SHARD, workers=[address], pure=False)
    except TimeoutError:
        return f"It has not trained the test shard within {TEST_SECONDS} s. Look at its log, and restart it."
    except PackageNotFoundError:
        return f"It has no gan1010. Install gan1010 {ours} there."
    except loss_errors():
        raise
    except Exception as error:
        return f"The test shard failed with {type(error).__name__}: {error}"
    return None if digest(members) == await asyncio.to_thread(expected_digest) else OTHER_BITS


@cache
def expected_digest() -> str:
    """Return the digest of the test shard as this process trains it."""
    return digest(train_whole_shard(TEST_SHARD))


def digest(members: Members) -> str:
    """Return the SHA-256 of members, of every bit."""
    columns = [*members.columns.values(), members.discriminators, members.generators]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()
