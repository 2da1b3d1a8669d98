"""The article in one command: its steps in order, over HTTP, against a service started for the occasion."""

import contextlib
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gan1010.client import Client
from gan1010.client.responses import Job
from service.cli.connection import explained
from service.cli.local_server import running_service
from service.cli.output import columns, sample_cells
from service.cli.progress import with_bar

SEED = 1010  # the same for everybody, so that what one reads about the demo is what one sees
REAL, NOISE = [0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]
ALONE, GAN = "Train the discriminator alone", "Train it against a generator "


def tell(folder: Path, *, stay: bool) -> None:
    """Run the article's experiments, write its pictures into `folder`, and go on serving there if told to `stay`."""
    console = Console()
    with running_service(folder / "data", console) as (client, server), explained():
        console.print(f"\n[bold]gan1010[/]: a GAN learns to say 1010. The service listens on {client.url}\n")
        alone = client.train(preset="discriminator-alone", seed=SEED, name="D alone")
        alone = with_bar(client, alone, console, ALONE)
        gan = with_bar(client, client.train(seed=SEED, name="the article's GAN"), console, GAN)
        console.print(_samples(client, gan))
        console.print(_scores(client, alone, gan))
        for name in ("losses", "evolution"):
            picture = folder / f"{name}.png"
            picture.write_bytes(client.plot(gan.id, name))
            console.print(f"{name.capitalize():12}{picture}")
        if stay:
            console.print(f"The page    {client.url}  (Ctrl-C stops the service)")
            with contextlib.suppress(KeyboardInterrupt):
                while not server.should_exit:
                    time.sleep(0.2)
        else:
            console.print(f"The page    gan1010 serve --data-dir {folder / 'data'}, then http://127.0.0.1:8000")


def _samples(client: Client, job: Job) -> Table:
    """What G makes of 0.5 before and after the training."""
    table = columns("", "", "bits", "values", "in range", title="What the generator makes of 0.5")
    for name, iteration in (("untrained", 0), ("trained", job.iterations)):
        made = client.sample([0.5], job_id=job.id, iteration=iteration)
        table.add_row(name, *sample_cells(made.samples[0], made.bits[0], made.in_range[0]))
    return table


def _scores(client: Client, *jobs: Job) -> Table:
    """What each discriminator says to a real vector and to noise."""
    table = columns("", f"real {REAL}", f"noise {NOISE}", title="\nWhat the discriminator says (0 fake, 1 real)")
    for job in jobs:
        real, noise = client.score([REAL, NOISE], job_id=job.id).scores
        table.add_row(job.name, f"{real:.2f}", f"{noise:.2f}")
    return table
