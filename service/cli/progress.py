"""Progress of a job: a progress bar on stderr, the result on stdout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from service.cli.connection import EXIT_INTERRUPTED, fail
from service.cli.output import duration, job_card, print_response

if TYPE_CHECKING:
    from gan1010.client import Client
    from gan1010.client.responses import Job, JobProgress

STARTING = "Starting (the first start on a machine compiles code for some seconds)"
POLL_SECONDS = 0.1
LOSS_LINES = 20  # over the whole training
LOSS_HEADING = f"{'iteration':>12}  {'D on real':>9}  {'D on fake':>9}  {'G':>9}"


def follow_job(client: Client, job: Job, *, losses: bool, as_json: bool) -> None:
    """Follow a job until it ends and print its result; exit with an error unless it has succeeded."""
    try:
        if losses and as_json:
            for event in client.events(job.id):
                print(event.model_dump_json(ensure_ascii=True), flush=True)  # noqa: T201
            job = client.job(job.id)
        else:
            job = wait_with_bar(client, job, Console(stderr=True), losses=losses)
            print_response(job, job_card, as_json=as_json)
    except KeyboardInterrupt:
        commands = f"Follow it with gan1010 watch {job.id}, stop it with gan1010 cancel {job.id}."
        fail(f"The job still runs. {commands}", EXIT_INTERRUPTED)
    if job.status != "succeeded":
        fail(f"The job has not succeeded: it is {job.status}.")


def progress_bar(console: Console) -> Progress:
    """Build a progress bar that ends with a note."""
    columns = (SpinnerColumn("line", finished_text="[green]✓"), TextColumn("{task.description}"), BarColumn(20))
    return Progress(*columns, MofNCompleteColumn(), TextColumn("{task.fields[note]}"), console=console)


def wait_with_bar(client: Client, job: Job, console: Console, title: str = "", *, losses: bool = False) -> Job:
    """Show a progress bar until a job has ended, optionally with its losses above, and return the job."""
    from gan1010.client.responses import JobProgress

    with progress_bar(console) as bar:
        task = bar.add_task(title or ("Train" if job.kind == "train" else "Sweep"), total=job.iterations, note="")
        if losses and job.kind == "train":
            bar.console.print(LOSS_HEADING, style="dim", highlight=False)
        for event in client.events(job.id) if losses else client.watch(job.id, every=POLL_SECONDS):
            if isinstance(event, JobProgress):
                bar.update(task, completed=event.iteration)
                for line in _loss_lines(event):
                    bar.console.print(line, highlight=False)
            else:
                job = event
                bar.update(task, completed=job.iteration, note=_note(job))
    return job


def _loss_lines(progress: JobProgress) -> Iterator[str]:
    """Yield one line of losses for each twentieth of the training."""
    step, series = max(progress.iterations // LOSS_LINES, 1), progress.series
    columns = [series.discriminator_real_loss, series.discriminator_fake_loss, series.generator_loss]
    for row, iteration in enumerate(series.iteration):
        if iteration // step > (iteration - progress.record_every) // step:
            yield f"{iteration:12,}" + "".join(f"  {losses[row]:9.3f}" for losses in columns if losses)


def _note(job: Job) -> str:
    """Describe the job's speed and remaining or total time."""
    if job.status in ("queued", "paused", "failed", "cancelled") or not job.iterations_per_second:
        return "" if job.status == "running" else job.status
    if job.has_ended:
        return f"in {duration(job.iteration / job.iterations_per_second)}"
    remaining = f", {duration(job.eta_seconds)} left" if job.eta_seconds else ""
    return f"{job.iterations_per_second:,.0f} {'iterations' if job.kind == 'train' else 'GANs'}/s{remaining}"
