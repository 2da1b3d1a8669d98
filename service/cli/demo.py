"""Demo: the article's experiments in order, over HTTP, on a service that runs for the demo only."""

import contextlib
import shlex
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gan1010.client import Client
from gan1010.client.responses import Job
from gan1010.verification import Verification
from service.cli.local_server import running_service
from service.cli.output import duration, sample_cells, table
from service.cli.progress import wait_with_bar
from service.cli.verification import compare_jobs, small, train_again

SEED = 1010  # fixed, so that every demo shows the numbers of the documentation
REAL, NOISE = [0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]


def run_demo(folder: Path, *, pytorch: bool, stay: bool) -> None:
    """Run the experiments and write the plots to a folder; with `stay`, serve until Ctrl-C."""
    console = Console()
    with running_service(folder / "data", console) as (client, server):
        console.print("\n[bold]gan1010[/]: two small neural networks learn the pattern 1010.")
        console.print(f"The demo's own service runs at {client.url}\n")
        alone = client.train(preset="discriminator-alone", seed=SEED, name="D alone")
        alone = wait_with_bar(client, alone, console, "Train the discriminator alone")
        gan = client.train(seed=SEED, name="the article's GAN")
        gan = wait_with_bar(client, gan, console, "Train it against a generator ")
        if pytorch:
            again = train_again(client, gan, console, "The same again in PyTorch    ")
            console.print(_comparison(compare_jobs(client, gan, again)))
        console.print(_sample_table(client, gan))
        console.print(_score_table(client, alone, gan))
        for name in ("losses", "evolution"):
            plot = folder / f"{name}.png"
            plot.write_bytes(client.plot(gan.id, name))
            console.print(f"{name.capitalize():12}{plot}", soft_wrap=True)
        if stay:
            console.print(f"Web page    {client.url} (press Ctrl-C to stop)")
            with contextlib.suppress(KeyboardInterrupt):
                while not server.should_exit:
                    time.sleep(0.2)
        else:
            restart = f"gan1010 serve --data-dir {shlex.quote(str(folder / 'data'))}"
            console.print(f"Web page    run {restart}, and open the address that it prints", soft_wrap=True)


def _comparison(verification: Verification) -> str:
    """Say in one line how the run and its repetition in PyTorch compare."""
    compiled, pytorch = (duration(time or 0) for time in (verification.compiled_seconds, verification.pytorch_seconds))
    times = f"PyTorch: {pytorch}, gan1010: {compiled}, 1/{verification.ratio or 0:,.0f}"
    return f"\n{times}. Losses differ by at most {small(verification.loss_difference)}."


def _sample_table(client: Client, job: Job) -> Table:
    title = "\nThe generator's output (in range: could be real data)"
    rows = []
    for name, iteration in (("untrained", 0), ("trained", job.iterations)):
        output = client.sample([0.5], job_id=job.id, iteration=iteration)
        rows.append((name, *sample_cells(output.samples[0], output.bits[0], output.in_range[0])))
    return table(("", "", "bits", "values", "in range"), rows, title=title)


def _score_table(client: Client, alone: Job, gan: Job) -> Table:
    title = "\nThe discriminator's scores (0: fake, 1: real)"
    rows = []
    for name, job in (("trained alone", alone), ("trained in a GAN", gan)):
        rows.append((name, *map("{:.2f}".format, client.score([REAL, NOISE], job_id=job.id).scores)))
    return table(("", f"real {REAL}", f"noise {NOISE}"), rows, title=title)
