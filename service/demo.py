"""The article in one command: its steps in order, over HTTP, against a service started for the occasion."""

import contextlib
import time
from math import log
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from gan1010 import plots
from service.occasion import service_at

SEED = 1010  # the same for everybody, so that what one reads about the demo is what one sees
REAL, NOISE = [0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]
BLOCKS = " ▁▂▃▄▅▆▇█"


def demo(folder: Path, *, stay: bool) -> None:
    """Run the article's experiments, write its pictures into `folder`, and go on serving there if told to `stay`."""
    console = Console()
    with service_at(folder / "data", console) as (client, server):
        url = str(client.base_url)
        console.print(f"\n[bold]gan1010[/]: a GAN learns to say 1010. The service listens on {url}\n")
        alone = _train(console, client, "Train the discriminator alone", preset="discriminator-alone", name="D alone")
        gan = _train(console, client, "Train it against a generator ", name="the article's GAN")
        console.print(_samples(client, gan))
        console.print(_scores(client, alone, gan))
        _write_pictures(client, gan, folder)
        console.print(f"Losses      {folder / 'losses.png'}")
        console.print(f"Evolution   {folder / 'evolution.png'}")
        if stay:
            console.print(f"The page    {url}  (Ctrl-C stops the service)")
            with contextlib.suppress(KeyboardInterrupt):
                while not server.should_exit:
                    time.sleep(0.2)
        else:
            console.print(f"The page    gan1010 serve --data-dir {folder / 'data'}, then http://127.0.0.1:8000")


def _train(console: Console, client: httpx.Client, title: str, **settings: Any) -> dict[str, Any]:
    """Train over HTTP with a progress bar; the finished job."""
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), BarColumn(20))
    job: dict[str, Any] = client.post("/train", json={"seed": SEED, **settings}).raise_for_status().json()
    with Progress(*columns, MofNCompleteColumn(), TextColumn("{task.fields[note]}"), console=console) as bar:
        task = bar.add_task(title, total=job["iterations"], note="")
        while job["status"] in ("queued", "running"):
            job = client.get(f"/jobs/{job['id']}", params={"wait": 0.1}).raise_for_status().json()
            bar.update(task, completed=job["iteration"])
        milliseconds = job["iteration"] / job["iterations_per_second"] * 1000
        bar.update(task, note=f"in {milliseconds:.1f} ms")
    return job


def _samples(client: httpx.Client, job: dict[str, Any]) -> Table:
    """What G makes of 0.5 before and after the training."""
    table = Table(title="What the generator makes of 0.5", title_justify="left", box=None, padding=(0, 2))
    for column in ("", "", "bits", "values", "in range"):
        table.add_column(column, header_style="dim")
    for name, iteration in (("untrained", 0), ("trained", job["iterations"])):
        answer = client.get("/sample", params={"job_id": job["id"], "iteration": iteration}).raise_for_status().json()
        values = answer["samples"][0]
        picture = "".join(BLOCKS[round(value * 8)] * 2 for value in values)
        numbers = "  ".join(f"{value:.2f}" for value in values)
        table.add_row(name, f"[blue]{picture}[/]", answer["bits"][0], numbers, "yes" if answer["in_range"][0] else "no")
    return table


def _scores(client: httpx.Client, *jobs: dict[str, Any]) -> Table:
    """What each discriminator says to a real vector and to noise."""
    table = Table(
        title="\nWhat the discriminator says (0 fake, 1 real)", title_justify="left", box=None, padding=(0, 2)
    )
    for column in ("", f"real {REAL}", f"noise {NOISE}"):
        table.add_column(column, header_style="dim")
    for job in jobs:
        body = {"vectors": [REAL, NOISE], "job_id": job["id"]}
        real, noise = client.post("/score", json=body).raise_for_status().json()["scores"]
        table.add_row(job["name"], f"{real:.2f}", f"{noise:.2f}")
    return table


def _write_pictures(client: httpx.Client, job: dict[str, Any], folder: Path) -> None:
    path = f"/jobs/{job['id']}"
    series = client.get(f"{path}/progress").raise_for_status().json()["series"]
    snapshots = client.get(f"{path}/snapshots").raise_for_status().json()
    equilibrium = 0.25 if job["config"]["loss"] == "mse" else log(2)
    (folder / "losses.png").write_bytes(plots.losses(series, equilibrium=equilibrium))
    evolution = plots.evolution(snapshots["samples"], snapshots["iterations"], pattern=job["config"]["pattern"])
    (folder / "evolution.png").write_bytes(evolution)
