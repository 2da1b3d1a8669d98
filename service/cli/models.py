"""The commands that use what came of jobs: networks, pictures, files; and what there is to begin with."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.options import AsJson, Iteration, JobOrNewest, Model, Url

Plot = Literal["losses", "evolution", "surface", "heatmap"]


def sample(
    seeds: Annotated[list[float] | None, typer.Argument(help="What to feed to G. (Default: 0.5)")] = None,
    job: Model = None,
    iteration: Iteration = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Sample the generator: what it makes of each seed."""
    from service.cli.connection import connected
    from service.cli.output import sample_table, show

    with connected(url) as client:
        samples = client.sample(seeds or (0.5,), job_id=job, iteration=iteration)
    show(samples, sample_table, as_json=as_json)


def score(
    vectors: Annotated[
        list[str] | None, typer.Argument(metavar="[X,X,...]...", help="Vectors, such as 0.9,0.1,0.9,0.1.")
    ] = None,
    file: Annotated[
        typer.FileText | None, typer.Option(help="CSV with a vector in each line; - for what is piped in.")
    ] = None,
    job: Model = None,
    iteration: Iteration = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    lines = [*(vectors or ()), *(line for line in file or () if line.strip())]
    if not lines:
        raise typer.BadParameter("give at least one vector, such as 0.9,0.1,0.9,0.1, or a --file of them")
    rows = [_vector(line) for line in lines]
    from service.cli.connection import connected
    from service.cli.output import score_table, show

    with connected(url) as client:
        scores = client.score(rows, job_id=job, iteration=iteration)
    show(scores, lambda scores: score_table(rows, scores), as_json=as_json)


def plot(
    plot: Annotated[Plot, typer.Argument(help="Which picture; the heat map is a sweep's.")] = "losses",
    job: JobOrNewest = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to: .png or .svg. (Default: PLOT.png)")
    ] = None,
    iteration: Annotated[int | None, typer.Option(help="For the surface: a kept moment. (Default: the end.)")] = None,
    x: Annotated[str | None, typer.Option(metavar="FIELD", help="For the heat map: what varies across.")] = None,
    y: Annotated[str | None, typer.Option(metavar="FIELD", help="For the heat map: what varies down.")] = None,
    value: Annotated[
        str, typer.Option(metavar="FIGURE", help="For the heat map: what the colours are.")
    ] = "in_range_rate",
    url: Url = None,
) -> None:
    """Draw a job: its losses, how its pattern evolves, D's surface, or a sweep's heat map."""
    from service.cli.connection import connected, job_or_newest
    from service.cli.files import picture_format, write

    file = output or Path(f"{plot}.png")
    format = picture_format(file)
    with connected(url) as client:
        drawn = job_or_newest(client, job, kind="sweep" if plot == "heatmap" else "train").id
        if plot == "heatmap":
            content = client.heatmap(drawn, format, x=x, y=y, value=value)
        else:
            content = client.plot(drawn, plot, format, iteration=iteration)
    write(file, content)


def export(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Which of them. (Default: all that there are.)")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="Whose. (Default: the newest job.)")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to.")] = Path(),
    url: Url = None,
) -> None:
    """Take a job away: networks as safetensors and ONNX, losses as CSV, snapshots, a program in plain PyTorch."""
    from service.cli.connection import connected, job_or_newest
    from service.cli.files import chosen_files, write

    with connected(url) as client:
        exported = job_or_newest(client, job)
        for name, content in chosen_files(exported, files or []).items():
            write(output / name, content(client, exported.id))


def presets(as_json: AsJson = False, url: Url = None) -> None:
    """List the named settings, and what each is known to do."""
    from service.cli.connection import connected
    from service.cli.output import preset_table, show_each

    with connected(url) as client:
        found = client.presets()
    show_each(found, preset_table, as_json=as_json)


def _vector(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text.strip()!r} is no vector; write one as 0.9,0.1,0.9,0.1") from None
