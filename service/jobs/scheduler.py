"""Connection to a Dask scheduler, with advice where it does not work."""

import asyncio
import contextlib
import logging
import ssl
import warnings
from importlib.metadata import version
from typing import Any

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 3.0
EXTRA = "A scheduler needs Dask. Install it with: pip install 'gan1010[dask]'"
NO_SCHEDULER = "It does not respond as a Dask scheduler. Use the address that `dask scheduler` prints."
NOT_STARTED = "Nothing listens there. Start it with `dask scheduler`, and check the address."
CLOSED = "It closes the connection. If it uses TLS, the address begins with tls://."
TLS = (
    "TLS fails: {}. If the scheduler does not use it, the address begins with tcp://. If it does, give the service its"
    " certificates in DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._CLIENT__CERT and ..._CLIENT__KEY."
)
NO_CERTIFICATES = "no certificates are configured"
NO_TLS = "the scheduler does not use it"


class SchedulerError(Exception):
    """The scheduler cannot be used as it is set up; the text says what would be right."""


class SchedulerLostError(Exception):
    """The scheduler cannot be reached, or no more; the text says why."""


def check_dask() -> None:
    """Raise `SchedulerError` if Dask is not installed."""
    try:
        from distributed.versions import VersionMismatchWarning
    except ImportError:
        raise SchedulerError(EXTRA) from None
    warnings.simplefilter("ignore", VersionMismatchWarning)  # the versions that matter are checked here
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # the cluster logs what it loses


async def connect(address: str) -> Any:
    """Open an asynchronous `distributed.Client` of the scheduler.

    Raises:
        SchedulerError: the address, the versions or the encryption do not fit.
        SchedulerLostError: the scheduler cannot be reached.
    """
    from distributed import Client

    client, ours = None, version("distributed")
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1):
            client = Client(address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False, name="gan1010")
            await client
            theirs = (await client.scheduler.versions())["packages"]["distributed"]
        if theirs != ours:
            raise SchedulerError(
                f"The scheduler has Dask {theirs} and the service {ours}."
                f" Install the same on both, for example: pip install distributed=={ours}"
            )
    except BaseException as error:
        if client is not None:
            await close(client)
        if isinstance(error, Exception) and not isinstance(error, SchedulerError):
            raise _explain(error) from error
        raise
    return client


async def close(client: Any) -> None:
    """Close a client, also of a scheduler that does not respond."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(client.close(), CLOSE_SECONDS)


def _explain(error: Exception) -> SchedulerError | SchedulerLostError:
    """Say what would be right instead of an address or an encryption that does not fit."""
    if isinstance(error, TypeError) and "ssl_context" in str(error):
        return SchedulerError(TLS.format(NO_CERTIFICATES))
    if isinstance(error, ValueError) and "SSL" in str(error):
        return SchedulerError(TLS.format(NO_TLS))
    if isinstance(error, ssl.SSLError | FileNotFoundError | PermissionError) or isinstance(
        error.__cause__, ssl.SSLError
    ):
        return SchedulerError(TLS.format(error.__cause__ or error))
    if isinstance(error, OSError):
        if str(error).startswith("Timed out trying to connect"):
            return SchedulerLostError(NOT_STARTED)
        return SchedulerLostError(NO_SCHEDULER if isinstance(error, TimeoutError) else CLOSED)
    return SchedulerError(f"{NO_SCHEDULER} ({type(error).__name__}: {error})")
