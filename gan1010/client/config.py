"""Where the service is and who asks: as told, or from the environment."""

import os

DEFAULT_URL = "http://127.0.0.1:8000"


def service_url(url: str | None) -> str:
    """The service's address: the one given, that of GAN1010_URL, or port 8000 of this machine."""
    return (url or os.environ.get("GAN1010_URL") or DEFAULT_URL).rstrip("/")


def resolve_api_key(api_key: str | None) -> str:
    """The key to send: the one given as it is, or that of GAN1010_API_KEY; empty for none.

    The variable may be the service's own, which holds keys of several names, `alice:s3cret,bob:t0ken`: it is the first
    of them, without its name. So one line of the environment serves both ends.
    """
    if api_key is not None:
        return api_key
    name, colon, key = os.environ.get("GAN1010_API_KEY", "").partition(",")[0].strip().partition(":")
    return key if colon else name


def default_headers(api_key: str | None) -> dict[str, str]:
    """What every request says."""
    key = resolve_api_key(api_key)
    return {"User-Agent": "gan1010-client"} | ({"Authorization": f"Bearer {key}"} if key else {})
