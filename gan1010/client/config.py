"""Client configuration: the service's URL and the API key, from arguments or else from variables."""

import os
import re
from pathlib import Path

import httpx

from gan1010.client.environment import is_usable
from gan1010.client.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8000"
API_KEY = re.compile(r"[!-~]+")  # printable ASCII, which a header can hold
QUOTED = re.compile(r"""(["'])(.*)\1""")  # as `docker run --env-file` passes it on


def service_url(url: str | None) -> str:
    """Return the given URL, or that of GAN1010_URL, or `DEFAULT_URL`."""
    name, text = ("url", url) if url else ("GAN1010_URL", _variable("GAN1010_URL"))
    text = text.strip().rstrip("/") or DEFAULT_URL
    try:
        parsed = httpx.URL(text)
        is_valid = parsed.scheme in ("http", "https") and is_usable(parsed)
    except (ValueError, httpx.InvalidURL):
        is_valid = False
    if not is_valid:
        raise ConfigurationError(name, f"is not the URL of a service. Use one such as {DEFAULT_URL}.")
    return text


def default_headers(api_key: str | None) -> dict[str, str]:
    """Build the headers that every request has, with the given key or the first key of GAN1010_API_KEY.

    GAN1010_API_KEY, or the file that GAN1010_API_KEY_FILE names, may hold the service's list of named keys, such as
    `alice:s3cret,bob:t0ken`, so that the service and its clients can share one environment.
    """
    source = "api_key"
    if api_key is None:
        source, keys = "GAN1010_API_KEY", _variable("GAN1010_API_KEY")
        if not keys and (file := _variable("GAN1010_API_KEY_FILE")):
            source, keys = "GAN1010_API_KEY_FILE", _read_keys(Path(file))
        first = re.split(r"[,\n]", keys, maxsplit=1)[0]
        name, colon, key = first.strip().partition(":")
        api_key = key if colon else name
    api_key = api_key.strip()
    if api_key and not API_KEY.fullmatch(api_key):
        raise ConfigurationError(source, "has characters that no API key has. Use printable ASCII without spaces.")
    return {"User-Agent": "gan1010-client"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})


def _read_keys(file: Path) -> str:
    try:
        return file.expanduser().read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, RuntimeError) as error:
        raise ConfigurationError("GAN1010_API_KEY_FILE", "is not a readable file. Name one, or unset it.") from error


def _variable(name: str) -> str:
    """Return a variable without the blanks, line ends and quotes that .env files leave around it."""
    text = os.environ.get(name, "").strip()
    quoted = QUOTED.fullmatch(text)
    return quoted[2] if quoted else text
