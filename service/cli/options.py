"""Options and arguments that several commands have."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer
from annotated_doc import Doc

from gan1010.config import PRESETS, TrainConfig

Url = Annotated[
    str | None, typer.Option(envvar="GAN1010_URL", help="The service. (Default: port 8000 of this machine.)")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
JobOrNewest = Annotated[str | None, typer.Argument(metavar="[JOB]", help="The job's id. (Default: the newest job.)")]
Model = Annotated[
    str | None, typer.Option("--job", metavar="JOB", help="Whose model. (Default: the one that succeeded last.)")
]
Iteration = Annotated[int | None, typer.Option(help="A kept moment of its training. (Default: the end.)")]
Preset = Annotated[str | None, typer.Option(help=f"Where settings come from that are not given: {', '.join(PRESETS)}.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]


def with_settings(*, but: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each setting of a training; it gets those that were used, by keyword."""

    def having(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        names = [field.name for field in dataclasses.fields(TrainConfig) if field.name != but]

        def with_those_given(**options: Any) -> None:
            settings = {name: value for name in names if (value := options.pop(name)) is not None}
            command(**options, **settings)

        own = [option for option in signature.parameters.values() if option.kind is not option.VAR_KEYWORD]
        kind = inspect.Parameter.KEYWORD_ONLY
        added = [inspect.Parameter(name, kind, default=None, annotation=_option(name)) for name in names]
        options = [*(option.replace(kind=kind) for option in own), *added]
        with_those_given.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
        with_those_given.__name__, with_those_given.__doc__ = command.__name__, command.__doc__
        return with_those_given

    return having


def _option(name: str) -> Any:
    """The option of a setting: its type, its documentation and its default are those of `TrainConfig`."""
    marks = typing.get_type_hints(TrainConfig, include_extras=True)[name].__metadata__
    doc = next(mark.documentation for mark in marks if isinstance(mark, Doc))
    default = getattr(TrainConfig, name, None)
    help = doc if default is None else f"{doc} (article: {default})"
    own_type = typing.get_type_hints(TrainConfig)[name]
    return Annotated[own_type | None, typer.Option(help=help, rich_help_panel="Settings of the training")]
