"""Write buffer: one packet for all that is written in one turn of the event loop, such as a head and its body."""

import asyncio
from typing import Any

MAX_BUFFERED_BYTES = 64 * 1024  # more is sent at once, so that the transport can pause the writer


class BufferedTransport:
    """A transport that sends after the current turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._buffer: list[bytes | memoryview] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        """Buffer data, or send it if the buffer is full."""
        self._size += len(data)
        if self._size > MAX_BUFFERED_BYTES:
            self.flush()
            self._transport.write(data)
            return
        if not self._buffer:
            self._loop.call_soon(self.flush)
        self._buffer.append(data)

    def flush(self) -> None:
        """Send the buffer."""
        buffer, self._buffer, self._size = self._buffer, [], 0
        if buffer and not self._transport.is_closing():
            self._transport.write(b"".join(buffer))

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Flush and end the writing side."""
        self.flush()
        self._transport.write_eof()
