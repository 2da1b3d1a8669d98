"""Settings: defaults, environment variables and validation."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from service.retention import Retention
from service.settings import Settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GAN1010_{name.upper()}", raising=False)
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
        ("scheduler", "tls://[fd00::1]:8786", "tls://[fd00::1]:8786"),
        ("scheduler_fallback", "no", False),
        ("retention", "30 days, 10000 jobs", Retention(age=timedelta(days=30), jobs=10_000)),
        ("log_format", "json", "json"),
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
        *((name, "  ", field.default) for name, field in Settings.model_fields.items() if name != "api_key"),
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
    "api_key": ["a b:hunter2", "a:hunter2,a:hunter3", "", " \r", "''"], "log_format": ["xml"],
    "allowed_hosts": ["http://a", "a:80", "*", "fd00::1"],
    "scheduler": ["host:8786", "http://host:8786", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://u:hunter2@h:1"],
    "scheduler_fallback": ["maybe"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in INVALID.items() for text in texts])
def test_invalid_setting_is_refused_without_its_secrets(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"GAN1010_{name.upper()}", text)
    with pytest.raises(ValidationError, match=name) as error:
        Settings()
    assert "hunter" not in str(error.value)


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN1010_API_KEY", "alice:hunter2")
    assert "hunter2" not in f"{Settings()} {Settings()!r} {Settings().model_dump_json()}"
