"""Settings: defaults, environment variables and validation."""

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from service.api_keys import ApiKeys
from service.retention import Retention
from service.settings import Settings, SettingsError, read_settings

SECRETS = ("api_key", "api_key_file", "secrets_dir")  # an empty one is refused


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GAN1010_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("data"))
    assert (settings.queue_size, settings.max_body_bytes) == (10_000, 8 * 2**20)
    assert settings.workers >= 1
    assert (settings.api_key.get_secret_value(), settings.allowed_hosts, settings.log_format) == ("", (), "text")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("port", "9000", 9000),
        ("data_dir", "/data", Path("/data")),
        ("workers", "3", 3),
        ("queue_size", "1", 1),
        ("max_body_bytes", "1048576", 1048576),
        ("api_key", "alice:s3cret,bob:t0ken", SecretStr("alice:s3cret,bob:t0ken")),
        ("allowed_hosts", "Lab.example.org, [fd00::1]", ("lab.example.org", "[fd00::1]")),
        ("root_path", "/lab/gan-1.0/", "/lab/gan-1.0"),
        (
            "trusted_proxies",
            "127.0.0.1, 10.1.2.3/8,fd00::/8",
            (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        ),
        ("scheduler", "tls://[fd00::1]:8786", "tls://[fd00::1]:8786"),
        ("scheduler_fallback", "no", False),
        ("retention", "30 days, 10000 jobs", Retention(age=timedelta(days=30), jobs=10_000)),
        ("log_format", "json", "json"),
        ("log_level", "debug", "debug"),
    ],
)
def test_environment_sets_a_setting_unless_an_argument_does(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"GAN1010_{name.upper()}", text)
    monkeypatch.setenv(f"GAN1010_{name.upper()}_X", "ignored")
    assert getattr(Settings(), name) == value
    assert getattr(Settings(**{name: getattr(Settings.model_construct(), name)}), name) != value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", " 9000\r", 9000),
        ("port", '"9000"', 9000),
        ("port", "tcp://10.96.0.12:8000", 8000),
        ("host", "0.0.0.0\r\n", "0.0.0.0"),  # noqa: S104
        ("host", "[::1]", "::1"),
        ("data_dir", "~/runs", Path.home() / "runs"),
        ("data_dir", "'/data'", Path("/data")),
        ("api_key", " alice:s3cret\r", SecretStr("alice:s3cret")),
        ("allowed_hosts", '"lab.example.org"\r', ("lab.example.org",)),
        ("log_format", "json\r", "json"),
        *((name, "  ", field.default) for name, field in Settings.model_fields.items() if name not in SECRETS),
    ],
)
def test_value_is_read_as_platforms_write_it(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"GAN1010_{name.upper()}", text)
    assert getattr(Settings(), name) == value
    if name != "port":
        monkeypatch.delenv(f"GAN1010_{name.upper()}")
        assert getattr(Settings(**{name: text}), name) == value


INVALID = {
    "port": ["-1", "65536", "x", "http://a"], "data_dir": ["~nobody-of-this-name/runs"],
    "workers": ["0"], "queue_size": ["0"], "max_body_bytes": ["-1"],
    "api_key": ["a b:hunter2", "a:hunter2,a:hunter3", "", " \r", "''"], "log_format": ["xml"], "log_level": ["loud"],
    "api_key_file": ["", " "], "secrets_dir": ["", "''"],
    "allowed_hosts": ["http://a", "a:80", "*", "fd00::1"],
    "scheduler": ["host:8786", "http://host:8786", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://u:hunter2@h:1"],
    "root_path": ["gan", "/a b", "/..", "//evil.example", "/a//b", "/a?b", "http://a/b"],
    "trusted_proxies": ["*", "proxy.example", "10.0.0.0/33", "10.0.0.1-9"],
    "scheduler_fallback": ["maybe"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in INVALID.items() for text in texts])
def test_invalid_setting_is_refused_without_its_secrets(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"GAN1010_{name.upper()}", text)
    with pytest.raises(ValidationError, match=name) as error:
        Settings()
    assert "hunter" not in str(error.value)


def test_keys_are_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    for text in ("alice:s3cret,bob:t0ken", " alice:s3cret\r\n\nbob:t0ken \n"):
        file.write_text(text)
        monkeypatch.setenv("GAN1010_API_KEY_FILE", f"{file}\n")
        assert ApiKeys(read_settings().api_key.get_secret_value()).names == ["alice", "bob"]
    monkeypatch.delenv("GAN1010_API_KEY_FILE")
    assert read_settings(api_key_file=str(file)).api_key.get_secret_value()
    assert not read_settings(api_key_file=str(file), api_key=SecretStr("")).api_key  # of a service within a command


@pytest.mark.parametrize("name", ["gan1010_api_key", "GAN1010_API_KEY"])
def test_settings_are_read_from_a_secrets_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("alice:s3cret\nbob:t0ken\n")
    (tmp_path / "gan1010_port").write_text("9001\n")
    (tmp_path / "of another program").write_bytes(b"\xff")
    monkeypatch.setenv("GAN1010_SECRETS_DIR", str(tmp_path))
    settings = read_settings()
    assert ApiKeys(settings.api_key.get_secret_value()).names == ["alice", "bob"]
    assert settings.port == 9001
    monkeypatch.setenv("GAN1010_PORT", "9002")
    assert read_settings().port == 9002
    (tmp_path / name).write_text("")
    with pytest.raises(SettingsError, match="GAN1010_API_KEY: it is empty"):
        read_settings()


KEY_FILES = {  # content and error
    "missing": (None, "No such file or directory. Name a readable file."),
    "a folder": (b"", "cannot be read: Is a directory"),
    "empty": (b" \n", "is empty. Write a key into it"),
    "binary": (b"\xffhunter2\xfe", "no valid keys: key 1: use printable ASCII"),
    "twice": (b"a:hunter2\na:hunter3", "no valid keys: key 2: its name is taken"),
}


@pytest.mark.parametrize(("content", "error"), KEY_FILES.values(), ids=KEY_FILES)
def test_file_without_keys_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, error: str
) -> None:
    file = tmp_path if error.endswith("directory") else tmp_path / "keys"
    if content:
        file.write_bytes(content)
    monkeypatch.setenv("GAN1010_API_KEY_FILE", str(file))
    with pytest.raises(SettingsError, match=rf"^GAN1010_API_KEY_FILE: {file} .*{error}") as refused:
        read_settings()
    assert "hunter" not in str(refused.value)
    monkeypatch.setenv("GAN1010_API_KEY", "key")
    with pytest.raises(SettingsError, match=r"^GAN1010_API_KEY_FILE: API keys are set as well"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("gan1010_apikey", b"x", "gan1010_apikey: there is no such setting. Did you mean GAN1010_API_KEY?"),
        ("gan1010_api_key", b"\xff", "gan1010_api_key cannot be read: it is no text."),
        ("gan1010_api_key", None, "gan1010_api_key cannot be read: Is a directory."),
        ("other", b"x", "has no file such as gan1010_api_key. Add one, or unset it."),
    ],
)
def test_unusable_secrets_folder_is_refused(tmp_path: Path, name: str, content: bytes | None, error: str) -> None:
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=r"^--secrets-dir: ") as refused:
        read_settings(secrets_dir=str(tmp_path))
    assert error in str(refused.value)
    with pytest.raises(SettingsError, match="No such file or directory"):
        read_settings(secrets_dir=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("GAN1010_APIKEY", "Did you mean GAN1010_API_KEY?"), ("GAN1010_KEY_FILE", "Did you mean GAN1010_API_KEY_FILE?"),
        ("GAN1010_PORT_X", "Did you mean GAN1010_PORT?"), ("gan1010_hosts", "Did you mean GAN1010_HOST?"),
        ("GAN1010_XYZ", "gan1010 serve --help lists the settings."),
    ],
)  # fmt: skip
def test_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, advice: str) -> None:
    monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("GAN1010_WORKERS", "two")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith(f"{name}: there is no such setting. {advice} GAN1010_WORKERS: ")
    assert "hunter" not in str(refused.value)


def test_variables_of_the_client_and_of_kubernetes_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    link = "tcp://10.96.0.12:8000"
    for service in ("GAN1010", "GAN1010_LAB"):
        for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8000_TCP"):
            monkeypatch.setenv(f"{service}_{name}", link)
        for part in ("PROTO", "PORT", "ADDR"):
            monkeypatch.setenv(f"{service}_PORT_8000_TCP_{part}", "x")
    for name in ("GAN1010_URL", "_GAN1010_COMPLETE", "MYGAN1010_X", "GAN10100"):
        monkeypatch.setenv(name, "x")
    assert read_settings().port == 8000


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN1010_API_KEY", "alice:hunter2")
    assert "hunter2" not in f"{Settings()} {Settings()!r} {Settings().model_dump_json()}"
