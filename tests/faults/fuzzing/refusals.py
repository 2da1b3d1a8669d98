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
    """Of a request that was made to be right, a 422 names mistakes that its schema has no words for."""
    if response.status_code == 422 and case.meta and case.meta.generation.mode.is_positive:
        types = {mistake["type"] for mistake in response.json()["errors"]}
        assert types <= BEYOND_SCHEMAS, f"its own description allows what is refused as {sorted(types)}"
