"""Schemathesis check: a request that satisfies its schema is refused only for reasons that no schema can express."""

from typing import Any

import schemathesis

# Types of errors that are not pydantic's: the schema would express those.
TYPES_BEYOND_SCHEMAS = {"idempotency-key-reused", "invalid-input", "no-such-snapshot"}


@schemathesis.check
def valid_requests_are_refused_only_beyond_schemas(ctx: Any, response: Any, case: Any) -> None:
    """Check the 422s and 400s of requests that were generated to be valid.

    A 400 is right only for binary bodies, which have a meaning but no schema.
    """
    if not (case.meta and case.meta.generation.mode.is_positive):
        return
    if response.status_code == 422:
        types = {mistake["type"] for mistake in response.json()["errors"]}
        assert types <= TYPES_BEYOND_SCHEMAS, f"the schema allows what is refused as {sorted(types)}"
    if response.status_code == 400:
        assert case.media_type == "application/octet-stream", response.text
