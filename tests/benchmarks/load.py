"""The load: one request, over and over, on several connections that are kept alive; every answer's status is counted.

A process of its own, several times as fast as what it measures: the request is made beforehand, and of an answer only
the head is read. `python -m tests.benchmarks.load PORT COUNT` takes the request from its input and prints a `Load`.
"""

import re
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass

import orjson

CONNECTIONS = 16
LONGEST_READ = 2**18
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of so many requests."""

    statuses: dict[str, int]  # answers by status
    seconds: float  # from the first request to the last answer
    busy: float  # the part of that time in which the generator itself worked: near 1, it would be what is measured

    @property
    def answers(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Answers other than 200."""
        return self.answers - self.statuses.get("200", 0)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class Connection:
    """One kept-alive connection, with one request under way at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, request: bytes) -> None:
        """Ask."""
        self.socket.sendall(request)

    def receive(self) -> tuple[int, bytes] | None:
        """What has come in: status and body once the answer is whole, else None.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        piece = self.socket.recv(LONGEST_READ)
        if not piece:
            raise ConnectionError("the server has closed the connection instead of answering")
        self._received += piece
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or len(body) < self._length(head):
            return None
        self._received = b""
        return int(head[9:12]), body

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Ask, and wait for the answer: status and body."""
        self.send(request)
        while (answer := self.receive()) is None:
            pass
        return answer

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    @staticmethod
    def _length(head: bytes) -> int:
        found = LENGTH.search(head)
        if found is None:
            raise ConnectionError("the answer does not say its length")
        return int(found[1])


def request(method: str, path: str, content: object = None) -> bytes:
    """A request as it goes over the wire, with `content` as JSON."""
    body = b"" if content is None else orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode() + body


def hammer(port: int, message: bytes, count: int) -> Load:
    """Send the request `count` times, as fast as the server answers."""
    statuses: Counter[int] = Counter()
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
            answer = key.data.receive()
            if answer is not None:
                statuses[answer[0]] += 1
                if unsent:
                    unsent -= 1
                    key.data.send(message)
    seconds = time.perf_counter() - start
    for key in list(selector.get_map().values()):
        key.data.close()
    return Load(
        statuses={str(status): answers for status, answers in statuses.items()},
        seconds=seconds,
        busy=(time.process_time() - worked) / seconds,
    )


def hammer_elsewhere(port: int, message: bytes, count: int) -> Load:
    """`hammer` in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.load", str(port), str(count)]
    return Load(**orjson.loads(subprocess.run(command, input=message, capture_output=True, check=True).stdout))


if __name__ == "__main__":
    result = hammer(int(sys.argv[1]), sys.stdin.buffer.read(), int(sys.argv[2]))
    sys.stdout.buffer.write(orjson.dumps(asdict(result)))
