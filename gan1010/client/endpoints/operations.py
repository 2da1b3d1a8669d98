"""Endpoints for the operation of the service: health, readiness and metrics."""

from gan1010.client import responses
from gan1010.client.calls import Call, Endpoint, get, parse_as, text


class OperationEndpoints:
    """The methods for the state of the process."""

    @Endpoint
    def health(self) -> Call[responses.Health]:
        """Get the process's health."""
        return get("/healthz", parse_as(responses.Health))

    @Endpoint
    def ready(self) -> Call[bool]:
        """Return whether the service accepts work."""
        return Call(path="/readyz", parser=lambda response: response.is_success, success_statuses=frozenset({503}))

    @Endpoint
    def metrics(self) -> Call[str]:
        """Get the metrics in the text format of Prometheus."""
        return get("/metrics", text)
