"""What the description says of every operation: the ways to send a key, and how any request may be refused."""

from typing import Any

from service.api.middleware.access_control import NO_KEY, PUBLIC_PATHS, SEND_A_KEY
from service.api.problems import REFUSALS as BY_THE_CONNECTION
from service.api.problems import V2, is_v2, problems, v2_problems
from service.errors import ApiKeyRequiredError, BodyTooLargeError, HostNotAllowedError, ServiceError, StorageFailedError

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "for browsers: any name, and the key as the password"},
}
BY_THE_SERVICE: dict[type[ServiceError], tuple[str, str]] = {
    ApiKeyRequiredError: ("The service has API keys, and the request came with none of them", SEND_A_KEY),
    HostNotAllowedError: (
        "Addressed to a name that is not the service's, asked by a page of another origin, or, where there are no API"
        " keys, from a public address",
        NO_KEY,
    ),
    BodyTooLargeError: ("The body is larger than the service takes", BodyTooLargeError().detail),
    StorageFailedError: ("The disk does not work, or the service has a mistake in it", StorageFailedError().detail),
}
# Status, type, title, what the description says of it, and an example's detail.
REFUSALS = [(error.status, error.type, error.title, *told) for error, told in BY_THE_SERVICE.items()] + [
    (status, type, title, title, detail) for status, (type, title, detail) in BY_THE_CONNECTION.items()
]


def describe_access(description: dict[str, Any], with_keys: bool) -> None:
    """Add to a description what holds for every operation, by reference."""
    components = description["components"]
    components["securitySchemes"] = SCHEMES
    components["responses"] = {
        _name(prefix, type): _answer(status, type, *told, v2=bool(prefix))
        for status, type, *told in REFUSALS
        for prefix in ("", "V2")
    }
    description["security"] = [{name: []} for name in SCHEMES] + ([] if with_keys else [{}])
    for path, operations in description["paths"].items():
        prefix = "V2" if is_v2(path) else ""
        for operation in operations.values():
            if path in PUBLIC_PATHS:
                operation["security"] = []
            for status, type, *_ in REFUSALS:
                if not (path in PUBLIC_PATHS and status == ApiKeyRequiredError.status):
                    answer = {"$ref": f"#/components/responses/{_name(prefix, type)}"}
                    operation["responses"].setdefault(str(status), answer)


def _name(prefix: str, type: str) -> str:
    return prefix + type.title().replace("-", "")


def _answer(status: int, type: str, title: str, description: str, detail: str, *, v2: bool) -> dict[str, Any]:
    problem: dict[str, Any] = {"type": f"/problems/{type}", "title": title, "status": status}
    problem |= {"detail": detail, "instance": V2 if v2 else "/jobs"}
    if v2:
        problem["error"] = f"{title}: {detail}"
    answer = (v2_problems if v2 else problems)(status)[status] | {"description": description}
    for content in answer["content"].values():
        content["example"] = problem
    return answer
