"""A check for Schemathesis: what the description allows is refused only for what no description can say."""

from typing import Any

import schemathesis

BEYOND_SCHEMAS = {  # types of mistakes; those of pydantic, which a schema would have told, are not among them
    "idempotency-key-reused",
    "invalid-input",
    "no-such-snapshot",
}


@schemathesis.check
def refused_only_for_what_no_schema_says(ctx: Any, response: Any, case: Any) -> None:
    """Of a request that was made to be right, a 422 names mistakes that its schema has no words for.

    And it is malformed, 400, only where it is any bytes: those have no schema, and yet a meaning.
    """
    if not (case.meta and case.meta.generation.mode.is_positive):
        return
    if response.status_code == 422:
        types = {mistake["type"] for mistake in response.json()["errors"]}
        assert types <= BEYOND_SCHEMAS, f"its own description allows what is refused as {sorted(types)}"
    if response.status_code == 400:
        assert case.media_type == "application/octet-stream", response.text
