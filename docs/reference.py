"""API reference as HTML, made by pdoc from the docstrings: `python docs/reference.py FOLDER`."""

import inspect
import re
import sys
import typing
import warnings
from pathlib import Path

import numpy.typing as npt
import pdoc.doc
import pdoc.render
from annotated_doc import Doc
from pdoc.doc_ast import walk_tree

import gan1010
from gan1010 import types

MODULES = ("", ".client", ".export", ".export.onnx", ".export.pytorch_script", ".plots")
format_annotation = inspect.formatannotation
ALIASES = {name: alias for name, alias in vars(types).items() if typing.get_origin(alias)}
NAMES = {format_annotation(alias): name for name, alias in (ALIASES | {"ArrayLike": npt.ArrayLike}).items()}


def short_annotation(annotation: object, base_module: str | None = None) -> str:
    """Write array types by their aliases, and types of settings without their bounds and documentation."""
    text = format_annotation(annotation, base_module)
    if "Annotated[" in text:
        holder = type("Holder", (), {"__annotations__": {"hint": annotation}})
        text = format_annotation(typing.get_type_hints(holder)["hint"], base_module)
    for long, name in NAMES.items():
        text = text.replace(long, name)
    return re.sub(r"typing\.|(?<=\.)_\w+\.", "", text)


def document_variables(module: pdoc.doc.Module) -> None:
    """Give constants the docstrings of the modules that define them, and fields the documentation of their types."""
    for source in [other for name, other in sys.modules.items() if name.startswith(f"{module.modulename}.")]:
        docstrings = walk_tree(source).var_docstrings
        for constant in module.variables:
            constant.docstring = constant.docstring or docstrings.get(constant.name, "")
    for cls in module.classes:
        for field in cls.instance_variables + cls.class_variables:
            hint = typing.get_type_hints(cls.obj, include_extras=True).get(field.name)
            for item in getattr(hint, "__metadata__", ()):
                if isinstance(item, Doc):
                    field.docstring = item.documentation


def lacks_docstring(member: pdoc.doc.Doc[typing.Any]) -> bool:
    """Test if a public name has no docstring; classes describe their fields and constructors."""
    names = member.qualname.split(".")
    is_field = isinstance(member, pdoc.doc.Variable) and len(names) > 1
    return not (member.docstring or is_field or any(name.startswith("_") for name in names))


def build(folder: Path) -> None:
    """Write the pages; a warning or a public name without a docstring is an error."""
    warnings.simplefilter("error")
    vars(gan1010).update({name: getattr(gan1010, name) for name in gan1010.__all__})  # pdoc does not see lazy names
    inspect.formatannotation = pdoc.doc.formatannotation = short_annotation
    pdoc.render.configure(docformat="google", show_source=False)
    modules = {name: pdoc.doc.Module.from_name(name) for name in ("gan1010" + suffix for suffix in MODULES)}
    undocumented: list[str] = []
    for name, module in modules.items():
        document_variables(module)
        undocumented += [member.fullname for member in module.flattened_own_members if lacks_docstring(member)]
        page = folder / f"{name.replace('.', '/')}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    if undocumented:
        sys.exit(f"These names have no docstring: {', '.join(undocumented)}.")
    (folder / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
