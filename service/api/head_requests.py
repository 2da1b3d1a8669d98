"""HEAD requests: the response to GET without its body."""

from anyio import CancelScope
from anyio.lowlevel import checkpoint
from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def respond_to_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the application respond as to GET, and cancel it when the head is sent, because a stream may have no end."""
    got = {**scope, "method": "GET"}
    with CancelScope() as response:

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif message["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": b""})
                if message.get("more_body"):
                    response.cancel()
                    await checkpoint()

        try:
            await app(got, receive, send_head)
        finally:
            scope.update((name, got[name]) for name in ("app", "route") if name in got)  # for the request log
