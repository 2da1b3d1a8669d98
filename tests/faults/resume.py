"""Jobs that are killed again and again end with the SHA-256 of an uninterrupted run."""

import json
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

from gan1010 import TrainConfig, train
from gan1010.export import safetensors
from tests.faults.report import Finding
from tests.support.clients import running_server
from tests.support.contract import Json, submit_job, wait_for_end, wait_until
from tests.support.server_setup import checkpoint_always

JOBS_AT_ONCE = 2  # one for each worker thread, so that each kill interrupts every job


def resume(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Kill processes while they train, each time after another checkpoint, and compare the models at the end."""
    random, jobs, kills = Random(seed), 20 if long else 2, 10 if long else 3  # noqa: S311
    setup, length = (None, kills) if long else (checkpoint_always, 1)
    for number in range(0, jobs, JOBS_AT_ONCE):
        configs = [_random_config(random, length) for _ in range(JOBS_AT_ONCE)]
        digests = _digests_after_kills(configs, kills, folder / str(number), setup)
        for config, digest in zip(configs, digests, strict=True):
            expected = sha256(safetensors.dump(train(TrainConfig(**config)).model())).hexdigest()
            assert digest == expected, f"{config} ends with {digest} instead of {expected}"
    action = f"jobs, each killed {kills} times"
    return [Finding(action=action, times=jobs, outcome="the SHA-256 of the uninterrupted run")]


def _random_config(random: Random, kills: int) -> Json:
    """Return settings of a run that is long enough for so many kills, at two checkpoints a second."""
    optimizer = random.choice(["sgd", "adam"])
    return {
        "optimizer": optimizer,
        "iterations": (300_000 if optimizer == "sgd" else 200_000) * (kills + 1),
        "hidden_size": 64,
        "pattern": "1010" * 4,
        "experiment": random.choice(["gan", "gan", "discriminator"]),
        "loss": random.choice(["mse", "bce"]),
        "latent": random.choice(["constant", "uniform", "normal"]),
        "learning_rate": random.choice([0.001, 0.01]),
        "record_every": random.choice([17, 19, 100]),
        "snapshot_every": random.choice([1000, 3333]),
        "seed": random.randrange(2**53),
    }


def _digests_after_kills(configs: list[Json], kills: int, folder: Path, setup: Callable[[], None] | None) -> list[str]:
    """Return the SHA-256 of each run's model, after so many kills while all of them ran."""
    ids: list[str] = []
    flags = ("--workers", str(JOBS_AT_ONCE))
    for _ in range(kills):
        with running_server(folder, *flags, setup=setup) as (server, client):
            ids = ids or [submit_job(client, **config)["id"] for config in configs]
            for id, before in [(id, stored_job(folder, id)) for id in ids]:
                wait_until(
                    lambda id=id: stored_job(folder, id),  # type: ignore[misc]
                    lambda job, before=before: job["iteration"] > before["iteration"],  # type: ignore[misc]
                )
            server.kill()
        assert all(stored_job(folder, id)["status"] == "running" for id in ids), "a job ended too soon: make it longer"
    with running_server(folder, *flags) as (_, client):
        for id in ids:
            job = wait_for_end(client, id, seconds=300)
            assert job["status"] == "succeeded", job
            assert len(job["transitions"]) == 2 * (kills + 1) + 1
        digests = {model["job_id"]: model["sha256"] for model in client.get("/models").json()["data"]}
    return [digests[id] for id in ids]


def stored_job(folder: Path, id: str) -> Json:
    """Return a job as it is on disk, while another process may own the folder."""
    db = sqlite3.connect(folder / "gan1010.sqlite")
    (document,) = db.execute("SELECT document FROM jobs WHERE id = ?", (id,)).fetchone()
    db.close()
    return dict(json.loads(document))
