"""API keys: their text form, the lookup of a key, and their replacement while the service runs."""

import hmac
import re
from hashlib import sha256

NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
SEPARATOR = re.compile(r",|\s*\n\s*")
KEY = re.compile(r"[!-+\--~]+")  # printable ASCII without the comma


class ApiKeys:
    """API keys by name, from a text such as `alice:s3cret,bob:t0ken`; a key without a name is called `key-1`.

    Instead of commas, the text may have one key per line.

    Raises:
        ValueError: the text is malformed. The message does not contain it.
    """

    def __init__(self, text: str) -> None:
        self._digests: dict[str, bytes] = {}
        text = text.strip()
        for number, entry in enumerate(SEPARATOR.split(text) if text else [], 1):
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

    @property
    def names(self) -> list[str]:
        """The names of all keys, in order."""
        return list(self._digests)

    def replace(self, keys: "ApiKeys") -> None:
        """Take over the keys of another object, for all that hold this one."""
        self._digests = keys._digests

    def name_of(self, key: bytes) -> str | None:
        """Return the name of a key, or None, in constant time."""
        digest, found = sha256(key).digest(), None
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found
