"""Jobs interrupted again and again end with the SHA-256 of the same job left alone."""

import json
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

from gan1010 import TrainConfig, train
from gan1010.export import safetensors
from tests.faults.rows import Row
from tests.support.clients import running_server
from tests.support.contract import Json, submit_job, wait_until
from tests.support.server_setup import checkpoint_always

AT_A_TIME = 2  # as many as there are threads, so that each kill interrupts each of them
FLAGS = ("--workers", str(AT_A_TIME))


def bits(seed: int, long: bool, folder: Path) -> list[Row]:
    """Kill processes while they train, each time after another checkpoint, and compare what comes of it at last."""
    random, jobs, kills = Random(seed), 20 if long else 2, 10 if long else 3  # noqa: S311
    setup, length = (None, kills) if long else (checkpoint_always, 1)
    for number in range(0, jobs, AT_A_TIME):
        configs = [_config(random, length) for _ in range(AT_A_TIME)]
        for config, found in zip(configs, _interrupted(configs, kills, folder / str(number), setup), strict=True):
            expected = sha256(safetensors.dump(train(TrainConfig(**config)).model())).hexdigest()
            assert found == expected, f"{config} ends with {found} and not with {expected}"
    return [Row(what=f"jobs, each killed {kills} times", times=jobs, found="the SHA-256 of the uninterrupted one")]


def _config(random: Random, kills: int) -> Json:
    """A run of any kind, long enough for that many kills; for more, where checkpoints are kept more often."""
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


def _interrupted(configs: list[Json], kills: int, folder: Path, setup: Callable[[], None] | None) -> list[str]:
    """The SHA-256 of each run's model, after as many kills while all of them ran."""
    ids: list[str] = []
    for _ in range(kills):
        with running_server(folder, *FLAGS, setup=setup) as (server, client):
            ids = ids or [submit_job(client, **config)["id"] for config in configs]
            before = [kept(folder, id)[0] for id in ids]
            for id, iteration in zip(ids, before, strict=True):
                wait_until(lambda id=id: _state(folder, id), lambda now, past=iteration: now["iteration"] > past)  # type: ignore[misc]
            server.kill()
        assert all(kept(folder, id)[1] == "running" for id in ids), "a job was done too soon: make it longer"
    with running_server(folder, *FLAGS) as (_, client):
        for id in ids:
            job = wait_until(
                lambda id=id: client.get(f"/jobs/{id}", params={"wait": 30}).json(),  # type: ignore[misc]
                lambda job: job["status"] not in {"queued", "running"},
                seconds=300,
            )
            assert job["status"] == "succeeded", job
            assert len(job["transitions"]) == 2 * (kills + 1) + 1
        digests = {model["job_id"]: model["sha256"] for model in client.get("/models").json()["data"]}
    return [digests[id] for id in ids]


def _state(folder: Path, id: str) -> Json:
    iteration, status = kept(folder, id)
    return {"iteration": iteration, "status": status}


def kept(folder: Path, id: str) -> tuple[int, str]:
    """How far a job's last checkpoint is, and the status that is kept of it."""
    db = sqlite3.connect(folder / "gan1010.sqlite")
    status, document = db.execute("SELECT status, document FROM jobs WHERE id = ?", (id,)).fetchone()
    db.close()
    return json.loads(document)["iteration"], status
