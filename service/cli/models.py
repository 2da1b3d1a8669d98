"""Commands that use trained models, plots and files, and the list of presets."""

import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.connection import connected, fail, find_job_id, job_or_newest
from service.cli.files import plot_format, select_downloads, write
from service.cli.options import AsJson, Iteration, JobOrNewest, Model, ModelFile, Url
from service.cli.output import preset_table, print_response, sample_table, score_table

if TYPE_CHECKING:
    import gan1010
    from gan1010.client.responses import Samples, Scores

Plot = Literal["losses", "evolution", "surface", "heatmap"]


def sample(
    latents: Annotated[
        list[float] | None, typer.Argument(help="Latents, the inputs of the generator. (Default: 0.5)")
    ] = None,
    model: ModelFile = None,
    job: Model = None,
    iteration: Iteration = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Print the generator's output for each latent."""
    if not all(map(math.isfinite, latents or ())):
        raise typer.BadParameter("A latent is not a finite number. Give one such as 0.5.")
    latents = latents or [0.5]
    if model is not None:
        samples = _sample_file(model, latents, job=job, iteration=iteration, url=url)
    else:
        with connected(url) as client:
            samples = client.sample(latents, job_id=job and find_job_id(client, job), iteration=iteration)
    print_response(samples, sample_table, as_json=as_json)


def score(
    vectors: Annotated[
        list[str] | None, typer.Argument(metavar="[X,X,...]...", help="Such as 0.9,0.1,0.9,0.1.")
    ] = None,
    file: Annotated[
        typer.FileBinaryRead | None, typer.Option(help="CSV, a vector per line; - for standard input.")
    ] = None,
    model: ModelFile = None,
    job: Model = None,
    iteration: Iteration = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Print the discriminator's score of each vector, from 0 (fake) to 1 (real)."""
    rows = [_vector(text.split(","), repr(text)) for text in vectors or ()]
    rows += _read_vectors(file.read()) if file else []
    if not rows:
        raise typer.BadParameter("There is no vector to score. Give one such as 0.9,0.1,0.9,0.1, or a --file.")
    if model is not None:
        scores = _score_file(model, rows, job=job, iteration=iteration, url=url)
    else:
        with connected(url) as client:
            scores = client.score(rows, job_id=job and find_job_id(client, job), iteration=iteration)
    print_response(scores, lambda scores: score_table(rows, scores), as_json=as_json)


def plot(
    plot: Annotated[Plot, typer.Argument(help="The plot to draw; heatmap is for sweeps.")] = "losses",
    job: JobOrNewest = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help=".png or .svg file. (Default: PLOT.png)")
    ] = None,
    iteration: Annotated[int | None, typer.Option(help="For surface: a snapshot. (Default: the last)")] = None,
    x: Annotated[str | None, typer.Option(metavar="FIELD", help="For heatmap: the setting on the x axis.")] = None,
    y: Annotated[str | None, typer.Option(metavar="FIELD", help="For heatmap: the setting on the y axis.")] = None,
    value: Annotated[str, typer.Option(metavar="FIGURE", help="For heatmap: the figure.")] = "in_range_rate",
    url: Url = None,
) -> None:
    """Save a plot of a job: losses, evolution of the pattern, surface of D, or heat map of a sweep."""
    file = output or Path(f"{plot}.png")
    format = plot_format(file)
    with connected(url) as client:
        job_id = job_or_newest(client, job, kind="sweep" if plot == "heatmap" else "train").id
        if plot == "heatmap":
            content = client.heatmap(job_id, format, x=x, y=y, value=value)
        else:
            content = client.plot(job_id, plot, format, iteration=iteration)
    write(file, content)


def export(
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="Names. (Default: all files)")] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="The job. (Default: the newest)")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write to.")] = Path(),
    url: Url = None,
) -> None:
    """Save a job's files: networks (safetensors, ONNX), losses (CSV), snapshots and a PyTorch program."""
    with connected(url) as client:
        for name, download in select_downloads(client, job_or_newest(client, job), files or []).items():
            write(output / name, download())


def presets(as_json: AsJson = False, url: Url = None) -> None:
    """List the presets and their known behaviour."""
    with connected(url) as client:
        presets = client.presets()
    print_response(presets, preset_table, as_json=as_json)


def _sample_file(file: Path, latents: list[float], **options: Any) -> "Samples":
    """Sample the generator of a model file; the response has neither job nor iteration."""
    with _loaded(file, options) as model:
        from gan1010.client.responses import Samples
        from gan1010.results import bits, in_range, shortest_decimals

        samples = model.sample(latents)
        return Samples.model_construct(
            pattern=model.pattern,
            seeds=latents,
            samples=list(map(shortest_decimals, samples)),
            bits=bits(samples),
            in_range=in_range(samples, *model.real_range).tolist(),
        )


def _score_file(file: Path, rows: Sequence[Sequence[float]], **options: Any) -> "Scores":
    """Score with the discriminator of a model file; the response has neither job nor iteration."""
    with _loaded(file, options) as model:
        from gan1010.client.responses import Scores
        from gan1010.results import shortest_decimals

        width = model.width
        for number, row in enumerate(rows, 1):
            if len(row) != width:
                raise ValueError(f"Vector {number} has {len(row)} numbers. The model needs {width}.")
        return Scores.model_construct(scores=shortest_decimals(model.score(rows)))


@contextlib.contextmanager
def _loaded(file: Path, options: dict[str, Any]) -> Iterator["gan1010.Model"]:
    """Load a model file; exit if it cannot be used, or if an option needs a service."""
    if given := [f"--{name}" for name, value in options.items() if value is not None]:
        raise typer.BadParameter(f"{' and '.join(given)} cannot be combined with --model. Leave out one or the other.")
    from gan1010 import load_model

    try:
        yield load_model(file)
    except (OSError, ValueError) as error:
        fail(f"{error}".removesuffix(".") + ".")


def _read_vectors(content: bytes) -> list[list[float]]:
    """Read CSV as spreadsheets write it: with or without a byte order mark and quotes."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
        rows = list(csv.reader(lines))
    except (UnicodeDecodeError, csv.Error):
        raise typer.BadParameter("--file is not CSV in UTF-8. Save it in that encoding.") from None
    return [_vector(row, f"row {number} of --file") for number, row in enumerate(rows, 1) if "".join(row).strip()]


def _vector(texts: list[str], source: str) -> list[float]:
    try:
        vector = [float(text) for text in texts]
    except ValueError:
        vector = [math.nan]
    if not all(map(math.isfinite, vector)):
        raise typer.BadParameter(f"{source} is not a vector of finite numbers. Write one as 0.9,0.1,0.9,0.1.")
    return vector
