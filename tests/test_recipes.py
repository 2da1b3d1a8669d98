"""Recipes of docs/operations.md: each runs with the tool that it is for."""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gan1010.client import Client
from service.api_keys import ApiKeys
from service.settings import Settings, read_settings
from tests.support.clients import Server, running_server
from tests.support.container import DOCKERFILE
from tests.support.contract import SHORT_JOB
from tests.support.recipes import NGINX, PAGE, recipes, running_nginx

KEY = "s3cret"
(UNIT,) = recipes("systemd", "ini")
USER, PORT, DATA = (
    re.findall(pattern, DOCKERFILE)[0] for pattern in (r"--uid (\d+)", r"PORT=(\d+)", r"DATA_DIR=(\S+)")
)
SCRAPE, RULES = recipes("Prometheus", "yaml")
ALERTS: dict[str, list[dict[str, str]]] = {  # series without an alert, and then with it
    "Gan1010Down": [{'up{job="gan1010"}': "1x20"}, {'up{job="gan1010"}': "0x20"}],
    "Gan1010DiskFull": [{"gan1010_data_free_bytes": "5e9x20"}, {"gan1010_data_free_bytes": "9e8x20"}],
    "Gan1010QueueStalled": [
        {"gan1010_queue_depth": "0x20", "gan1010_iterations_total": "7x20"},
        {"gan1010_queue_depth": "5x20", "gan1010_iterations_total": "0+1000x20"},
        {"gan1010_queue_depth": "5x20", "gan1010_iterations_total": "7x20"},
    ],
    "Gan1010Errors": [
        {'gan1010_requests_total{status="200"}': "0+1000x20", 'gan1010_requests_total{status="500"}': "0+1x20"},
        {'gan1010_requests_total{status="200"}': "0+1000x20", 'gan1010_requests_total{status="500"}': "0+20x20"},
    ],
}


@pytest.fixture(scope="module")
def behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, ssl.SSLContext]]:
    """A service behind nginx: its process, its URL there, and the certificates to trust."""
    if not NGINX:
        pytest.skip("no nginx")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "keys").write_text(KEY)
    (line,) = re.findall(r"^(GAN1010_.*TRUSTED.*) gan1010 serve$", PAGE, re.MULTILINE)
    variables = dict(setting.split("=") for setting in line.split())
    variables |= {"GAN1010_API_KEY_FILE": str(folder / "keys"), "GAN1010_ALLOWED_HOSTS": "localhost"}
    with (
        running_server(folder / "data", **variables) as (server, _),
        running_nginx(folder, server.url) as (url, trusted),
    ):
        yield server, url, trusted


def test_nginx_serves_under_a_path_with_tls(behind_nginx: tuple[Server, str, ssl.SSLContext]) -> None:
    server, url, trusted = behind_nginx
    forwarded = {"X-Forwarded-For": "10.8.8.8", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "http"}
    origin = url.removesuffix("/gan1010")
    with httpx.Client(verify=trusted, headers={"X-API-Key": KEY} | forwarded) as client:
        assert httpx.get(f"{url}/jobs", verify=trusted).status_code == 401
        trained = client.post(f"{url}/train?wait=30", json=SHORT_JOB, headers={"Origin": origin})
        location = trained.headers["location"]
        assert (trained.status_code, location) == (200, f"/gan1010/jobs/{trained.json()['id']}")
        assert client.get(f"{origin}{location}").json()["status"] == "succeeded"
        assert client.get(f"{url}/openapi.json").json()["servers"] == [{"url": "/gan1010"}]
        assert client.get(url, follow_redirects=True).url == f"{url}/"
        for path in ("/", "/docs", "/assets/lab.js"):
            assert client.get(f"{url}{path}").status_code == client.head(f"{url}{path}").status_code == 200
        refused = client.get(f"{url}/jobs", headers={"Origin": origin.replace("https", "http")})
        assert refused.status_code == 403
        assert origin.removeprefix("https://") in refused.json()["detail"]
    assert any("route=/train" in line and "client=10.8.8.8" in line for line in server.log)


def test_client_and_its_streams_work_behind_nginx(
    behind_nginx: tuple[Server, str, ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url, trusted = behind_nginx
    certificate = tmp_path / "trusted.pem"
    certificate.write_text("".join(map(ssl.DER_cert_to_PEM_cert, trusted.get_ca_certs(binary_form=True))))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(url, api_key=KEY) as client:
        job = client.train(iterations=2_000_000, record_every=10_000)
        *_, last = client.events(job.id)
        assert last == client.job(job.id)
        assert client.sample([0.5], job_id=job.id).bits


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("no systemd-analyze")
    unit = tmp_path / "gan1010.service"
    program = shutil.which("true")
    unit.write_text(re.sub(r"^(Exec\w+)=\S+", rf"\1={program}", UNIT, flags=re.MULTILINE))
    done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_readiness_and_reload_of_the_unit_work(behind_nginx: tuple[Server, str, ssl.SSLContext]) -> None:
    server, *_ = behind_nginx
    commands = dict(re.findall(r"^(Exec\w+)=(.*)$", UNIT, re.MULTILINE))
    if not Path(commands["ExecStartPost"].split()[0]).exists():
        pytest.skip("no curl")
    ready = commands["ExecStartPost"].replace("http://127.0.0.1:8000", server.url)
    assert subprocess.run(ready.split(), timeout=60, check=False).returncode == 0
    subprocess.run(commands["ExecReload"].replace("$MAINPID", str(server.process.pid)).split(), check=True)
    server.wait_for("(keys have been read again)")


def settings_of(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a process with these variables."""
    for name in [name for name in os.environ if name.startswith("GAN1010_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_compose_file_fits_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load(recipes("Compose", "yaml")[0])
    service = content["services"]["gan1010"]
    (port,), (volume,), (secret,) = service["ports"], service["volumes"], service["secrets"]
    assert port.rpartition(":")[2] == PORT
    assert volume == f"{next(iter(content['volumes']))}:{DATA}"
    assert content["secrets"] == {secret: {"file": f"./{secret}"}}
    assert service["environment"]["GAN1010_API_KEY_FILE"] == f"/run/secrets/{secret}"
    (tmp_path / secret).write_text(KEY)
    settings = settings_of(service["environment"] | {"GAN1010_API_KEY_FILE": f"{tmp_path / secret}"}, monkeypatch)
    assert settings.api_key.get_secret_value() == KEY
    command = recipes("Container", "sh")[1]  # which a test runs
    options = {
        "--init": service["init"], "--read-only": service["read_only"], f"--tmpfs {service['tmpfs'][0]}": True,
        f"--cap-drop {service['cap_drop'][0]}": True, f"--pids-limit {service['pids_limit']}": True,
        f"--security-opt {service['security_opt'][0].removesuffix(':true')}": True, f"-m {service['mem_limit']}": True,
    }  # fmt: skip
    assert {option: option in command for option in options} == options


def test_kubernetes_manifest_fits_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_client: httpx.Client
) -> None:
    (manifest,) = recipes("Kubernetes", "yaml")
    secret, claim, deployment, service = yaml.safe_load_all(manifest)
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    pod = template["spec"]
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert (str(port["containerPort"]), port["name"]) == (PORT, service["spec"]["ports"][0]["targetPort"])
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container[name]["httpGet"]
        assert probe["port"] == port["name"]
        assert server_client.get(probe["path"], headers={"Host": f"10.244.0.7:{PORT}"}).status_code == 200
    assert str(pod["securityContext"]["runAsUser"]) == str(pod["securityContext"]["fsGroup"]) == USER
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert (mounts["data"], mounts["tmp"]) == (DATA, "/tmp")  # noqa: S108
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert volumes["secrets"]["secret"]["secretName"] == secret["metadata"]["name"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables["GAN1010_SECRETS_DIR"] == mounts["secrets"]
    for name, text in secret["stringData"].items():
        (tmp_path / name).write_text(text)
    settings = settings_of(variables | {"GAN1010_SECRETS_DIR": str(tmp_path)}, monkeypatch)
    assert ApiKeys(settings.api_key.get_secret_value()).names == ["alice"]


@pytest.fixture
def promtool(tmp_path: Path) -> str:
    """The path of promtool; `tmp_path` has the configuration, the rules and a key."""
    program = shutil.which("promtool")
    if not program:
        pytest.skip("no promtool")
    (tmp_path / "prometheus.yml").write_text(SCRAPE)
    (tmp_path / "gan1010.rules.yml").write_text(RULES)
    (tmp_path / "gan1010.key").write_text(KEY)
    return program


def test_prometheus_takes_configuration_and_rules(promtool: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"SUCCESS: {len(ALERTS)} rules found" in done.stdout


def test_alerts_fire_when_they_should(promtool: str, tmp_path: Path) -> None:
    def case(alert: str, series: dict[str, str], fires: bool) -> dict[str, Any]:
        test = {
            "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
            "eval_time": "15m",
            "exp_samples": [{"labels": "{}", "value": 1}] * fires,
        }
        inputs = [{"series": name, "values": values} for name, values in series.items()]
        return {"interval": "1m", "input_series": inputs, "promql_expr_test": [test]}

    tests = [case(alert, series, series is tried[-1]) for alert, tried in ALERTS.items() for series in tried]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": ["gan1010.rules.yml"], "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_use_metrics_that_exist(server_client: httpx.Client) -> None:
    rules = yaml.safe_load(RULES)["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == list(ALERTS)
    server_client.get("/jobs")
    families = text_string_to_metric_families(server_client.get("/metrics").text)
    names = {sample.name for family in families for sample in family.samples}
    used = set(re.findall(r"\bgan1010_\w+", " ".join(rule["expr"] for rule in rules)))
    assert used
    assert used <= names
