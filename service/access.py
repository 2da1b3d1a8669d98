"""What the description says of who may: the ways to send a key, and what who may not is answered, each written once."""

from typing import Any

from service.answers import V2, problems, v2_problems
from service.errors import BodyTooLarge, HostNotAllowed, KeyNeeded, ServiceError
from service.guard import NO_KEY, OPEN, SEND_A_KEY

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "for browsers: any name, and the key as the password"},
}
REFUSALS: dict[type[ServiceError], tuple[str, str]] = {
    KeyNeeded: ("The service has API keys, and the request came with none of them", SEND_A_KEY),
    HostNotAllowed: (
        "Addressed to a name that is not the service's, asked by a page of another origin, or, where there are no API"
        " keys, from a public address",
        NO_KEY,
    ),
    BodyTooLarge: ("The body is larger than the service takes", BodyTooLarge().detail),
}


def describe_access(description: dict[str, Any], with_keys: bool) -> None:
    """Add to a description what holds for every operation, by reference."""
    components = description["components"]
    components["securitySchemes"] = SCHEMES
    components["responses"] = {
        f"{prefix}{error.__name__}": _answer(error, *told, v2=bool(prefix))
        for error, told in REFUSALS.items()
        for prefix in ("", "V2")
    }
    description["security"] = [{name: []} for name in SCHEMES] + ([] if with_keys else [{}])
    for path, operations in description["paths"].items():
        for operation in operations.values():
            if path in OPEN:
                operation["security"] = []
            for error in REFUSALS:
                if not (path in OPEN and error is KeyNeeded):
                    name = f"{'V2' if path.startswith(V2) else ''}{error.__name__}"
                    operation["responses"].setdefault(str(error.status), {"$ref": f"#/components/responses/{name}"})


def _answer(error: type[ServiceError], description: str, detail: str, *, v2: bool) -> dict[str, Any]:
    problem: dict[str, Any] = {"type": f"/problems/{error.type}", "title": error.title, "status": error.status}
    problem |= {"detail": detail, "instance": V2 if v2 else "/jobs"}
    if v2:
        problem["error"] = f"{error.title}: {detail}"
    answer = (v2_problems if v2 else problems)(error.status)[error.status] | {"description": description}
    for content in answer["content"].values():
        content["example"] = problem
    return answer
