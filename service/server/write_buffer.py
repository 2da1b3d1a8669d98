"""Write buffer: what a connection sends in one turn of the event loop leaves in one piece."""

import asyncio
from typing import Any

MAX_BUFFERED_BYTES = 64 * 1024  # more is sent at once, so that the transport can pause the writer


class BufferedTransport:
    """A transport that sends together what is written in one turn of the event loop, such as a head and its body."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self.is_closing = transport.is_closing
        self._buffer: list[bytes | memoryview] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Send the buffer and close the connection."""
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Send the buffer and close the sending direction."""
        self._flush()
        self._transport.write_eof()

    def write(self, data: bytes | memoryview) -> None:
        """Buffer data until the end of this turn, or until the buffer is full."""
        if not self._buffer:
            self._loop.call_soon(self._flush)
        self._buffer.append(data)
        self._size += len(data)
        if self._size > MAX_BUFFERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        buffer, size, self._buffer, self._size = self._buffer, self._size, [], 0
        if buffer and not self.is_closing():
            if size > MAX_BUFFERED_BYTES:
                self._transport.writelines(buffer)
            else:
                self._transport.write(b"".join(buffer))  # half the work for the event loop
