"""API keys: who has one gets in, and is named in the log."""

import hmac
import re
from hashlib import sha256

NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
KEY = re.compile(r"[!-+\--~]+")  # what can be seen in ASCII, but for the comma


class ApiKeys:
    """Keys by name, from a text such as `alice:s3cret,bob:t0ken`, or of one key without a name and a colon.

    Raises:
        ValueError: the text is not of this form. Its message has nothing of the text.
    """

    def __init__(self, text: str) -> None:
        self._digests: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(",") if text else [], 1):
            name, colon, key = entry.strip().partition(":")
            if not colon:
                name, key = f"key-{number}", name
            if not NAME.fullmatch(name):
                raise ValueError(f"key {number}: its name, before the colon, is 1 to 32 of A-Z a-z 0-9 . _ -")
            if not KEY.fullmatch(key):
                raise ValueError(f"key {number}: a key is printable ASCII without spaces and commas, and not empty")
            self._add(number, name, key)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def name_of(self, presented: bytes) -> str | None:
        """Whose key it is, or None; it takes as long whichever key it is, and however much of it is right."""
        digest, found = sha256(presented).digest(), None
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def _add(self, number: int, name: str, key: str) -> None:
        if name in self._digests:
            raise ValueError(f"key {number}: another key has its name")
        if self.name_of(key.encode()) is not None:
            raise ValueError(f"key {number}: it is there twice")
        self._digests[name] = sha256(key.encode()).digest()
