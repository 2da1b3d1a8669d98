"""Client configuration: the service's URL and the API key."""

import os

DEFAULT_URL = "http://127.0.0.1:8000"


def service_url(url: str | None) -> str:
    """Return the given URL, or that of GAN1010_URL, or `DEFAULT_URL`."""
    return (url or os.environ.get("GAN1010_URL") or DEFAULT_URL).rstrip("/")


def default_headers(api_key: str | None) -> dict[str, str]:
    """Build the headers that every request has, with the given key or the first key of GAN1010_API_KEY.

    GAN1010_API_KEY may hold the service's list of named keys, such as `alice:s3cret,bob:t0ken`, so that the service
    and its clients can share one environment.
    """
    if api_key is None:
        name, colon, key = os.environ.get("GAN1010_API_KEY", "").partition(",")[0].strip().partition(":")
        api_key = key if colon else name
    return {"User-Agent": "gan1010-client"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
