"""Options and arguments shared by several commands."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Container
from pathlib import Path
from typing import Annotated, Any

import typer
from annotated_doc import Doc

from gan1010.config import SettingError, TrainConfig
from gan1010.presets import PRESETS

Url = Annotated[str | None, typer.Option(help="The service. (GAN1010_URL; http://127.0.0.1:8000)")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, its beginning, or its name.")]
JobOrNewest = Annotated[str | None, typer.Argument(metavar="[JOB]", help="The job's id. (Default: the newest job)")]
Model = Annotated[
    str | None, typer.Option("--job", metavar="JOB", help="The job. (Default: the newest that succeeded)")
]
ModelFile = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="FILE", exists=True, dir_okay=False, readable=True,
        help="A model.safetensors file to use instead of a service.",
    ),
]  # fmt: skip
Iteration = Annotated[int | None, typer.Option(help="A snapshot of the training. (Default: the last)")]
SEED_OPTIONS = {"seeds.count": "seeds", "seeds.start": "first-seed"}
Name = Annotated[str | None, typer.Option(help="A name for the job.")]


def with_settings(*, exclude: Container[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add --preset and each training setting to a command, which receives those in use as keyword arguments."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        names = ["preset", *(field.name for field in dataclasses.fields(TrainConfig) if field.name not in exclude)]

        def wrapper(**options: Any) -> None:
            settings = {name: value for name in names if (value := options.pop(name)) is not None}
            if (preset := settings.get("preset", "article")) not in PRESETS:
                raise typer.BadParameter(f"There is no preset {preset}. The presets are {', '.join(PRESETS)}.")
            command(**options, **settings)

        own = [option for option in signature.parameters.values() if option.kind is not option.VAR_KEYWORD]
        kind = inspect.Parameter.KEYWORD_ONLY
        added = [inspect.Parameter(name, kind, default=None, annotation=_option(name)) for name in names]
        options = [*(option.replace(kind=kind) for option in own), *added]
        wrapper.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
        wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
        return wrapper

    return decorate


def usage_error(error: SettingError) -> typer.BadParameter:
    """Name the option of an invalid setting."""
    part, _, name = error.field.rpartition(".")
    option = SEED_OPTIONS.get(error.field, name.replace("_", "-"))
    value = f"grid {name}" if part == "grid" else option
    return typer.BadParameter(f"--{value} {error.reason}, not {error.value!r}.")


def _option(name: str) -> Any:
    """Build the option of a setting from its type, documentation and default in `TrainConfig`."""
    if name == "preset":
        help = f"Preset to start from: {', '.join(PRESETS)}."
        return Annotated[str | None, typer.Option(help=help, rich_help_panel="Training settings")]
    metadata = typing.get_type_hints(TrainConfig, include_extras=True)[name].__metadata__
    doc = next(item.documentation for item in metadata if isinstance(item, Doc))
    default = getattr(TrainConfig, name, None)
    help = doc if default is None else f"{doc} (article: {default})"
    plain_type = typing.get_type_hints(TrainConfig)[name]
    return Annotated[plain_type | None, typer.Option(help=help, rich_help_panel="Training settings")]
