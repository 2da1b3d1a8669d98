"""Settings of the service: from flags, the environment, or files that hold secrets."""

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from gan1010.cores import usable_cores
from service.api_keys import ApiKeys
from service.retention import Retention, parse_retention

PREFIX = "GAN1010_"
CLIENT_VARIABLES = ("GAN1010_URL",)
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
QUOTED = re.compile(r"""(["'])(.*)\1""")  # as `docker run --env-file` passes it on
SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[^\s/:@\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")
PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
Network = IPv4Network | IPv6Network
SECRETS = ("api_key", "api_key_file", "secrets_dir")
SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*")
# What Kubernetes sets in a namespace that has services called gan1010 or gan1010-NAME, apart from GAN1010_PORT.
LINK_VARIABLE = re.compile(r"GAN1010_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")


class SettingsError(Exception):
    """Settings are invalid. The message names each in one line, with what would be right, and shows no secrets."""


class _FileError(Exception):
    """A file or folder that a setting names cannot be used."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(reason)
        self.setting = setting


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


def _refuse_empty(value: object) -> object:
    """Refuse an empty text, such as that of `$KEY` without a value: it must not open the service."""
    if value == "":
        raise ValueError("it is empty. Give it a value, or leave the setting out to run without an API key")
    return value


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


def _check_prefix(path: str) -> str:
    path = path.rstrip("/")
    if not PATH_PREFIX.fullmatch(path):
        raise ValueError("use a path that begins with a slash, such as /gan1010")
    return path


def _split_networks(networks: object) -> object:
    """Split a text such as `127.0.0.1, 10.0.0.0/8`."""
    if isinstance(networks, str):
        try:
            networks = tuple(ip_network(text.strip(), strict=False) for text in networks.split(",") if text.strip())
        except ValueError:
            raise ValueError("use addresses and networks, such as 127.0.0.1,10.0.0.0/8,fd00::/8") from None
    return networks


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
        BeforeValidator(_refuse_empty),
        AfterValidator(_check_keys),
        Field(description="API keys: `NAME:KEY,NAME:KEY`, or a single key"),
    ] = SecretStr("")
    api_key_file: Annotated[
        Path | None, BeforeValidator(_refuse_empty), Field(description="file of the API keys, instead of api_key")
    ] = None
    secrets_dir: Annotated[
        Path | None, BeforeValidator(_refuse_empty), Field(description="folder with files such as gan1010_api_key")
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_split_host_names),
        Field(description="host names to serve besides the loopback names"),
    ] = ()
    root_path: Annotated[
        str, AfterValidator(_check_prefix), Field(description="path under which a proxy serves this service")
    ] = ""
    trusted_proxies: Annotated[
        tuple[Network, ...],
        NoDecode,
        BeforeValidator(_split_networks),
        Field(description="addresses and networks of proxies whose X-Forwarded headers are used"),
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
    log_level: Annotated[LogLevel, Field(description="least severe messages that are logged")] = "info"

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Trim all values, and read the keys' file.

        Empty values mean the default, and so does a link of Kubernetes instead of a port.
        """
        trimmed = {name: _trim(value) for name, value in values.items()}
        if is_service_link(trimmed.get("port")):
            del trimmed["port"]
        file, keys = trimmed.get("api_key_file"), trimmed.get("api_key")
        if file and not isinstance(keys, SecretStr):  # which is the program's own
            if keys is not None:
                raise _FileError("api_key_file", "API keys are set as well. Set one of them.")
            trimmed["api_key"] = _read_keys(Path(str(file)))
        return {name: value for name, value in trimmed.items() if value != "" or name in SECRETS}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Prefer flags to variables, and variables to the files of the secrets folder, if there is one."""
        folder = _trim({**env_settings(), **init_settings()}.get("secrets_dir"))
        if not folder:
            return init_settings, env_settings
        _check_secrets(Path(str(folder)))
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, str(folder))


def read_settings(**flags: Any) -> Settings:
    """Read the settings from flags that are not None, variables and files.

    Raises:
        SettingsError: settings are invalid, or a variable is none.
    """
    flags = {name: value for name, value in flags.items() if value is not None}
    messages = [f"{name}: {reason}" for name, reason in _unknown_settings(os.environ)]
    try:
        settings = Settings(**flags)
    except _FileError as error:
        messages.append(f"{_source(error.setting, flags)}: {error}")
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            reason = item["msg"].removeprefix("Value error, ")
            messages.append(f"{_source(str(item['loc'][0]), flags)}: {reason}.")
    if messages:
        raise SettingsError(" ".join(messages))
    return settings


def requested_log_format(flags: dict[str, Any]) -> LogFormat:
    """Return the log format that a flag or variable requests, before the settings are checked."""
    requested = _trim(flags.get("log_format") or os.environ.get("GAN1010_LOG_FORMAT"))
    return "json" if requested == "json" else "text"


def _source(setting: str, flags: dict[str, Any]) -> str:
    return f"--{setting.replace('_', '-')}" if setting in flags else f"{PREFIX}{setting.upper()}"


def _unknown_settings(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the names that look like settings and are none, each with a remedy."""
    settings, unknown = [name.upper() for name in Settings.model_fields], []
    for name in sorted(names):
        upper = name.upper()
        is_link = LINK_VARIABLE.fullmatch(upper) or (upper.endswith("_PORT") and is_service_link(os.environ.get(name)))
        setting = upper.removeprefix(PREFIX)
        if upper.startswith(PREFIX) and setting not in settings and upper not in CLIENT_VARIABLES and not is_link:
            close = get_close_matches(setting, settings, n=1)
            advice = f"Did you mean {PREFIX}{close[0]}?" if close else "gan1010 serve --help lists the settings."
            unknown.append((name, f"there is no such setting. {advice}"))
    return unknown


def _read_keys(file: Path) -> str:
    """Read API keys from a file, one per line or separated by commas."""
    try:
        keys = file.expanduser().read_text(encoding="utf-8", errors="replace").strip()
        ApiKeys(keys)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "no such home folder"
        raise _FileError("api_key_file", f"{file} cannot be read: {reason}. Name a readable file.") from None
    except ValueError as error:
        raise _FileError("api_key_file", f"{file} has no valid keys: {error}.") from None
    if not keys:
        raise _FileError("api_key_file", f"{file} is empty. Write a key into it, or unset it to run without a key.")
    return keys


def _check_secrets(folder: Path) -> None:
    """Check that the files of the secrets folder are settings and can be read."""
    place = folder
    try:
        names = [file.name for file in folder.iterdir()]
        for name, reason in _unknown_settings(names):
            raise _FileError("secrets_dir", f"{folder / name}: {reason}")
        ours = [name for name in names if name.upper().startswith(PREFIX)]
        for name in ours:
            place = folder / name
            place.read_text()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise _FileError("secrets_dir", f"{place} cannot be read: {reason}. Make it readable.") from None
    if not ours:
        raise _FileError("secrets_dir", f"{folder} has no file such as gan1010_api_key. Add one, or unset it.")
