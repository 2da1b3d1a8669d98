"""Connection to a Dask scheduler, with advice where its address, version or encryption does not fit."""

import asyncio
import contextlib
from typing import Any

CONNECT_SECONDS = 5.0
EXTRA = "A scheduler needs Dask. Install it with: pip install 'gan1010[dask]'"


class SchedulerError(Exception):
    """The scheduler cannot be used as it is set up; the text says what would be right."""


class SchedulerLostError(Exception):
    """The scheduler cannot be reached, or no more."""


def check_dask() -> None:
    """Raise `SchedulerError` if Dask is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise SchedulerError(EXTRA) from None


async def connect(address: str) -> Any:
    """Open an asynchronous `distributed.Client` of the scheduler.

    Raises:
        SchedulerError: the address, the versions or the encryption do not fit.
        SchedulerLostError: the scheduler cannot be reached.
    """
    import distributed

    client, found, ours = None, "", distributed.__version__
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1):
            client = distributed.Client(
                address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False, name="gan1010"
            )
            await client
            found = (await client.scheduler.versions())["packages"]["distributed"]
    except (ValueError, TypeError, OSError) as error:
        if str(error).startswith("Timed out trying to connect"):
            raise SchedulerLostError(f"{error}. Start it with: dask scheduler") from None
        raise SchedulerError(f"{address} is not the address of a usable scheduler: {_advice(error)}") from None
    finally:
        if client is not None and found != ours:
            with contextlib.suppress(Exception):
                await client.close(0)
    if found != ours:
        raise SchedulerError(
            f"The scheduler has Dask {found} and the service {ours}."
            f" Install the same on both, for example: pip install distributed=={ours}"
        )
    return client


def _advice(error: Exception) -> str:
    """Say what would be right instead of an address or an encryption that does not fit."""
    if isinstance(error, TypeError) or "SSL" in f"{type(error)} {error}":
        return (
            "TLS fails. If the scheduler does not use it, the address begins with tcp://. If it does, give the service"
            " its certificates in DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._CLIENT__CERT and ..._CLIENT__KEY"
        )
    if isinstance(error, TimeoutError):
        return "it does not respond as a Dask scheduler. Use the address that `dask scheduler` prints"
    if isinstance(error, OSError):
        return "it closed the connection. If it uses TLS, its address begins with tls://"
    return f"{error}. Use the address that `dask scheduler` prints, such as tcp://HOST:8786"
