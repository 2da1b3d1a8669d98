"""Fewer packets: what is written in one turn of the event loop is sent at once, an answer's head with its body."""

import asyncio
from typing import Any

MOST_HELD = 64 * 1024  # bytes: what is more goes out at once, so that whoever writes too much is told to pause


class BufferedTransport:
    """A connection's transport that holds back what is written until the event loop has a moment."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes | memoryview] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        """Send soon."""
        self._size += len(data)
        if self._size > MOST_HELD:
            self.flush()
            self._transport.write(data)
            return
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def flush(self) -> None:
        """Send now."""
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def close(self) -> None:
        """Send what is held, and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Send what is held, and nothing after it."""
        self.flush()
        self._transport.write_eof()
