"""Load generator: send one request many times on several keep-alive connections and count the status of each response.

It runs in a process of its own and is several times as fast as the servers, because it only parses the heads of
responses. `python -m tests.benchmarks.load PORT COUNT` reads the request from stdin and prints a `Load` as JSON.
"""

import os
import re
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

CONNECTIONS = 16
MAX_READ_BYTES = 2**18
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True, kw_only=True)
class Load:
    """Outcome of a number of requests."""

    statuses: dict[str, int]  # responses by status
    seconds: float  # from the first request to the last response
    busy_share: float  # CPU time of the generator; near 1, the generator is the bottleneck
    p50: float = 0.0  # seconds from a request to its response
    p99: float = 0.0

    @property
    def responses(self) -> int:
        """Number of responses."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Number of responses other than 200."""
        return self.responses - self.statuses.get("200", 0)

    @property
    def rate(self) -> float:
        """Responses per second."""
        return self.responses / self.seconds


class Connection:
    """Keep-alive connection with one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[int, bytes] | None:
        """Receive a chunk; return status and body once the response is complete.

        Raises:
            ConnectionError: The server closed the connection.
        """
        chunk = self.socket.recv(MAX_READ_BYTES)
        if not chunk:
            raise ConnectionError("the server closed the connection without a response")
        self._received += chunk
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or len(body) < self._length(head):
            return None
        self._received = b""
        return int(head[9:12]), body

    def fetch(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the response's status and body."""
        self.send(request)
        while (response := self.receive()) is None:
            pass
        return response

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    @staticmethod
    def _length(head: bytes) -> int:
        found = LENGTH.search(head)
        if found is None:
            raise ConnectionError("the response has no Content-Length")
        return int(found[1])


def request(method: str, path: str, content: object = None) -> bytes:
    """Encode a request for the wire, with `content` as JSON."""
    body = b"" if content is None else orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode() + body


def send_load(port: int, message: bytes, count: int) -> Load:
    """Send the request `count` times, as fast as the server responds."""
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    selector, unsent = selectors.DefaultSelector(), count
    for _ in range(min(CONNECTIONS, count)):
        connection = Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    start, worked = time.perf_counter(), time.process_time()
    for key in selector.get_map().values():
        key.data.send(message)
        unsent -= 1
    while statuses.total() < count:
        for key, _ in selector.select():
            response = key.data.receive()
            if response is not None:
                statuses[response[0]] += 1
                latencies.append(time.perf_counter() - key.data.sent_at)
                if unsent:
                    unsent -= 1
                    key.data.send(message)
    seconds = time.perf_counter() - start
    for key in list(selector.get_map().values()):
        key.data.close()
    return Load(
        statuses={str(status): responses for status, responses in statuses.items()},
        seconds=seconds,
        busy_share=(time.process_time() - worked) / seconds,
        p50=sorted(latencies)[count // 2],
        p99=sorted(latencies)[count * 99 // 100],
    )


def pin(pid: int, core: int) -> None:
    """Let all threads of a process run on one of this process's cores only, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        cores = {sorted(os.sched_getaffinity(0))[core]}
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def send_load_in_subprocess(port: int, message: bytes, count: int) -> Load:
    """Run `send_load` in a process of its own, on the last core."""
    command = [sys.executable, "-m", "tests.benchmarks.load", str(port), str(count)]
    return Load(**orjson.loads(subprocess.run(command, input=message, capture_output=True, check=True).stdout))


if __name__ == "__main__":
    pin(os.getpid(), -1)
    result = send_load(int(sys.argv[1]), sys.stdin.buffer.read(), int(sys.argv[2]))
    sys.stdout.buffer.write(orjson.dumps(asdict(result)))
