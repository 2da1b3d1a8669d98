"""API keys: their text form, and the lookup of a key."""

import hmac
import re
from hashlib import sha256

NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
KEY = re.compile(r"[!-+\--~]+")  # printable ASCII without the comma


class ApiKeys:
    """API keys by name, from a text such as `alice:s3cret,bob:t0ken`; a key without a name is called `key-1`.

    Raises:
        ValueError: the text is malformed. The message does not contain it.
    """

    def __init__(self, text: str) -> None:
        self._digests: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(",") if text else [], 1):
            name, colon, key = entry.strip().partition(":")
            if not colon:
                name, key = f"key-{number}", name
            if not NAME.fullmatch(name):
                raise ValueError(f"key {number}: use 1 to 32 of A-Z a-z 0-9 . _ - for the name, before the colon")
            if not KEY.fullmatch(key):
                raise ValueError(f"key {number}: use printable ASCII without spaces and commas for the key")
            if name in self._digests:
                raise ValueError(f"key {number}: its name is taken; use another")
            if self.name_of(key.encode()) is not None:
                raise ValueError(f"key {number}: the key is a duplicate; use another")
            self._digests[name] = sha256(key.encode()).digest()

    def __bool__(self) -> bool:
        return bool(self._digests)

    def name_of(self, key: bytes) -> str | None:
        """Return the name of a key, or None, in constant time."""
        digest, found = sha256(key).digest(), None
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found
