"""Connection to a Dask scheduler, with advice where it does not work."""

import asyncio
import contextlib
import logging
import ssl
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 1.0
EXTRA = "A scheduler needs Dask. Install it with: pip install 'gan1010[dask]'"
NO_SCHEDULER = "It does not respond as a Dask scheduler. Use the address that `dask scheduler` prints."
NOT_STARTED = "Nothing listens there. Start it with `dask scheduler`, and check the address."
VERSIONS = "The scheduler has Dask {0} and the service {1}. Install the same on both: pip install distributed=={1}"
CLOSED = "It closes the connection. If it uses TLS, the address begins with tls://."
NO_TLS = "The scheduler does not use TLS. Its address begins with tcp://."
TLS = (
    "TLS fails: {}. Give the service the scheduler's authority and a certificate and key that it accepts in"
    " DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and ..._CLIENT__KEY."
)


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
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the cluster logs what it loses, without tracebacks


async def connect(address: str) -> Any:
    """Open an asynchronous `distributed.Client` of the scheduler.

    Raises:
        SchedulerError: the address, the versions or the encryption do not fit.
        SchedulerLostError: the scheduler cannot be reached.
    """
    from distributed import Client, Security
    from distributed.core import rpc

    client, ours = None, version("distributed")
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1):
            options = {"timeout": CONNECT_SECONDS, "connection_args": Security().get_connection_args("client")}
            async with rpc(address, **options) as scheduler:
                theirs = (await scheduler.versions())["packages"]["distributed"]
            if theirs != ours:
                raise SchedulerError(VERSIONS.format(theirs, ours))
            client = Client(address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False, name="gan1010")
            return await client
    except BaseException as error:
        if client is not None:
            await close(client)
        if isinstance(error, Exception) and not isinstance(error, SchedulerError):
            raise _explain(error) from error
        raise


async def close(client: Any) -> None:
    """Close a client, also of a scheduler that does not respond."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(client.close(), CLOSE_SECONDS)


def dashboard_of(client: Any) -> str | None:
    """Return the URL of the scheduler's dashboard, if it has one."""
    try:
        return str(client.dashboard_link)
    except KeyError:
        return None


def loss_errors() -> tuple[type[Exception], ...]:
    """Return the errors of tasks whose scheduler or worker is lost: they can run again elsewhere."""
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    return CommClosedError, FutureCancelledError, KilledWorker


def _explain(error: Exception) -> SchedulerError | SchedulerLostError:
    """Say what would be right instead of an address or an encryption that does not fit."""
    causes = list(_causes(error))
    texts = " ".join(map(str, causes))
    if "WRONG_VERSION_NUMBER" in texts or "cannot convert to SSL" in texts:
        return SchedulerError(NO_TLS)
    if "ssl_context" in texts:
        return SchedulerError(TLS.format("no certificates are configured"))
    for cause in causes:
        if isinstance(cause, ssl.SSLError | FileNotFoundError | PermissionError):
            return SchedulerError(TLS.format(cause))
    if "Timed out trying to connect" in texts:
        return SchedulerLostError(NOT_STARTED)
    if isinstance(error, OSError):
        return SchedulerLostError(NO_SCHEDULER if isinstance(error, TimeoutError) else CLOSED)
    return SchedulerError(f"{NO_SCHEDULER} ({type(error).__name__}: {error})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
