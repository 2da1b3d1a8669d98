"""Settings of the service, from the environment or from flags."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gan1010.cores import usable_cores
from service.api_keys import ApiKeys
from service.retention import Retention, parse_retention

LogFormat = Literal["text", "json"]
HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
QUOTED = re.compile(r"""(["'])(.*)\1""")  # as `docker run --env-file` passes it on
SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[^\s/:@\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")
SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*")


def is_service_link(port: object) -> bool:
    """Return True for what Kubernetes sets GAN1010_PORT to, if a service there is called gan1010."""
    return isinstance(port, str) and SERVICE_LINK.fullmatch(port) is not None


def _trim(value: object) -> object:
    """Remove the blanks, line ends and quotes that .env files leave around a value."""
    if not isinstance(value, str):
        return value
    value = value.strip()
    quoted = QUOTED.fullmatch(value)
    return quoted[2] if quoted else value


def _refuse_empty_key(keys: object) -> object:
    """Refuse an empty text, such as that of `$KEY` without a value: it must not open the service."""
    if keys == "":
        raise ValueError("it is empty. Set a key, or leave the setting out to run without one")
    return keys


def _check_keys(keys: SecretStr) -> SecretStr:
    ApiKeys(keys.get_secret_value())
    return keys


def _expand_home(folder: Path) -> Path:
    try:
        return folder.expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder. Write the path without ~") from None


def _split_host_names(names: object) -> object:
    """Split a text such as `a.example, b.example`, in lower case."""
    if isinstance(names, str):
        names = tuple(name.strip().lower() for name in names.split(",") if name.strip())
        if not all(HOST_NAME.fullmatch(name) for name in names):
            raise ValueError("use host names without scheme and port, such as lab.example.org,[fd00::1]")
    return names


def _parse_retention(retention: object) -> object:
    return parse_retention(retention) if isinstance(retention, str) else retention


def _check_scheduler(address: str) -> str:
    found = SCHEDULER.fullmatch(address)
    if found is None or not 0 < int(found[1]) < 2**16:
        raise ValueError("use the address that `dask scheduler` prints, such as tcp://HOST:8786 or tls://HOST:8786")
    return address


class Settings(BaseSettings):
    """The settings; each is an environment variable (`GAN1010_PORT=9000`) and a flag (`--port 9000`)."""

    model_config = SettingsConfigDict(env_prefix="GAN1010_", extra="ignore", frozen=True, hide_input_in_errors=True)

    host: Annotated[
        str,
        AfterValidator(lambda host: host.removeprefix("[").removesuffix("]")),
        Field(description="address to listen on"),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 selects a free one")] = 8000
    data_dir: Annotated[Path, AfterValidator(_expand_home), Field(description="folder of the jobs and models")] = Path(
        "data"
    )
    workers: Annotated[int, Field(ge=1, le=1024, description="training threads")] = usable_cores()
    queue_size: Annotated[int, Field(ge=1, description="maximum number of queued jobs")] = 10_000
    max_body_bytes: Annotated[int, Field(ge=1024, description="maximum size of a request body")] = 8 * 2**20
    api_key: Annotated[
        SecretStr,
        BeforeValidator(_refuse_empty_key),
        AfterValidator(_check_keys),
        Field(description="API keys: `NAME:KEY,NAME:KEY`, or a single key"),
    ] = SecretStr("")
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_split_host_names),
        Field(description="host names to serve besides the loopback names"),
    ] = ()
    scheduler: Annotated[
        Annotated[str, AfterValidator(_check_scheduler)] | None,
        Field(description="address of the Dask scheduler that trains sweeps, such as tcp://HOST:8786"),
    ] = None
    scheduler_fallback: Annotated[
        bool, Field(description="train sweeps on the local threads while the scheduler cannot be used")
    ] = True
    retention: Annotated[
        Annotated[Retention, BeforeValidator(_parse_retention)] | None,
        NoDecode,
        Field(description="ended jobs to keep, by age, number or both: `30 days, 10000 jobs`"),
    ] = None
    log_format: Annotated[LogFormat, Field(description="format of the log lines")] = "text"

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Trim all values. Empty ones mean the default, and so does a link of Kubernetes instead of a port."""
        trimmed = {name: _trim(value) for name, value in values.items()}
        if is_service_link(trimmed.get("port")):
            del trimmed["port"]
        return {name: value for name, value in trimmed.items() if value != "" or name == "api_key"}
