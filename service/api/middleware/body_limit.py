"""Body limit: refuse request bodies that are too large, whether or not a route reads them."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import error_response
from service.errors import BodyTooLargeError


class BodyLimitMiddleware:
    """Check the declared length of a body, and count the bytes of a chunked one as they arrive."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app, self._max_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or send a problem response."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            try:
                if int(headers.get(b"content-length", 0)) > self._max_bytes:
                    raise BodyTooLargeError
                if b"transfer-encoding" in headers:
                    receive = self._counted(receive)
                    if scope["method"] not in ("POST", "PATCH"):  # no route reads this body
                        while (await receive()).get("more_body"):
                            pass
            except BodyTooLargeError as error:
                await error_response(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            was_within, size = size <= self._max_bytes, size + len(message.get("body", b""))
            if was_within and size > self._max_bytes:  # raised once: the response then drains the rest
                raise BodyTooLargeError
            return message

        return counted
