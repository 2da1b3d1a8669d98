"""Completion of `/openapi.json`: common problems, security schemes, examples, and schemas that FastAPI misses."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI

from gan1010 import PRESETS
from gan1010.export.pytorch_script import pytorch_script
from service.api import problems
from service.api.inference.v2_infer import SERVER_METADATA
from service.api.middleware.access_control import PUBLIC_PATHS
from service.api.problems import V2, describe_problem, is_v2
from service.api.schemas.common import Problem
from service.api.schemas.inference import SampleRequest, ScoreRequest
from service.api.schemas.training import PRESET_LIST
from service.api.schemas.v2 import InferRequest, RepositoryRequest, V2Error
from service.errors import (
    ApiKeyRequiredError,
    BodyTooLargeError,
    HostNotAllowedError,
    InvalidInputError,
    StorageFailedError,
    TooManyWrongKeysError,
)

KEY_PROBLEMS = tuple(problems.PROBLEM_TYPES[error] for error in (ApiKeyRequiredError, TooManyWrongKeysError))
COMMON_PROBLEMS = (
    *KEY_PROBLEMS,
    *(
        problems.PROBLEM_TYPES[error]
        for error in (HostNotAllowedError, BodyTooLargeError, InvalidInputError, StorageFailedError)
    ),
    *(problems.MALFORMED_REQUEST, problems.TOO_SLOW, problems.URL_TOO_LONG, problems.HEAD_TOO_LARGE, problems.STOPPING),
)
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "For browsers: any name, and the key as the password"},
}
Operation = dict[str, Any]


def install_description(app: FastAPI) -> None:
    """Complete the description when it is first requested."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = generate()
            _complete_schemas(description["components"]["schemas"])
            _complete_operations(description)
            _add_common_problems(description)
            _add_security(description, has_keys=bool(app.state.services.keys))
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            yield path, operation


def _complete_schemas(schemas: dict[str, Any]) -> None:
    """Add the schemas that no route returns, and remove what no client needs."""
    for model in (Problem, V2Error, InferRequest, RepositoryRequest, SampleRequest, ScoreRequest):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's, which no response here has
        schemas.pop(name, None)
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            default = field.get("default", "")
            # Client generators fail on objects, and on null as the default of a field that must not be null.
            if isinstance(default, dict) or (default is None and "type" in field):
                del field["default"]


def _complete_operations(description: dict[str, Any]) -> None:
    examples = _load_examples()
    for _, operation in _operations(description):
        for parameter in operation.get("parameters", []):
            parameter["schema"] = _without_null(parameter["schema"])
        responses = operation["responses"]
        if "HTTPValidationError" in str(responses.get("422")):  # FastAPI adds it to every path with a parameter
            del responses["422"]
        for body in (operation.get("requestBody", {}), *responses.values()):
            _add_example(body, examples)


def _load_examples() -> dict[str, Any]:
    """Return an example of each schema and media type, by name: of a run with seed 1010 and of a small sweep."""
    examples: dict[str, Any] = orjson.loads(files(__package__).joinpath("examples.json").read_bytes())
    events = {"progress": examples["ProgressOut"], "end": examples["JobOut"]}
    return examples | {
        "JobPage": {"data": [examples["JobOut"]], "has_more": False, "next": None},
        "PresetList": PRESET_LIST.model_dump(mode="json"),
        "ServerMetadata": SERVER_METADATA,
        "text/event-stream": "".join(
            f"event: {name}\ndata: {orjson.dumps(data).decode()}\nid: 10000\n\n" for name, data in events.items()
        ),
        "text/x-python": pytorch_script(PRESETS["article"].config(seed=1010)),
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove null from a parameter's types: a query or a header cannot contain it."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return {**{name: part for name, part in schema.items() if name != "anyOf"}, **choices[0]} if choices else schema


def _add_example(body: dict[str, Any], examples: dict[str, Any]) -> None:
    """Add the example of a body's media type, or of the first schema that its JSON refers to."""
    for media_type, content in body.get("content", {}).items():
        references = (part for part in str(content).split("'") if part.startswith("#/components/schemas/"))
        name = next(references, "").rpartition("/")[2] if "json" in media_type else media_type
        if name in examples:
            content.setdefault("example", examples[name])


def _add_common_problems(description: dict[str, Any]) -> None:
    """Add the problems of every operation, by reference."""
    description["components"]["responses"] = {
        _component(problem.slug, path): describe_problem(problem, path, problem.description or problem.title)
        for problem in COMMON_PROBLEMS
        for path in ("/jobs", V2)
    }
    for path, operation in _operations(description):
        for problem in COMMON_PROBLEMS:
            if not (path in PUBLIC_PATHS and problem in KEY_PROBLEMS):
                reference = {"$ref": f"#/components/responses/{_component(problem.slug, path)}"}
                operation["responses"].setdefault(str(problem.status), reference)


def _component(slug: str, path: str) -> str:
    return f"{'V2' if is_v2(path) else ''}{slug.title().replace('-', '')}"


def _add_security(description: dict[str, Any], has_keys: bool) -> None:
    description["components"]["securitySchemes"] = SECURITY_SCHEMES
    description["security"] = [{name: []} for name in SECURITY_SCHEMES] + ([] if has_keys else [{}])
    for path, operation in _operations(description):
        if path in PUBLIC_PATHS:
            operation["security"] = []
