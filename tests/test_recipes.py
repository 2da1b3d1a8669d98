"""Recipes of docs/operations.md: each runs with the tool that it is for."""

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gan1010.client import Client
from tests.support.clients import Server, free_port, running_server, wait_until_up
from tests.support.contract import SHORT_JOB
from tests.support.tls import make_certificate

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
KEY = "s3cret"
ENVIRONMENT = """
daemon off; user {user}; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def recipe(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(block)


@contextmanager
def running_nginx(folder: Path, service_url: str) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run nginx with the recipe, as localhost; yield the service's URL behind it, and the certificates to trust."""
    port = free_port()
    certificate, key = make_certificate(folder, "localhost")
    text = (
        recipe("nginx").replace("listen 443", f"listen 127.0.0.1:{port}").replace("http://127.0.0.1:8000", service_url)
    )
    text = text.replace("/etc/ssl/lab.example.org.pem", str(certificate))
    text = text.replace("/etc/ssl/lab.example.org.key", str(key)).replace("lab.example.org", "localhost")
    configuration = folder / "nginx.conf"
    configuration.write_text(ENVIRONMENT.format(folder=folder, server=text, user=folder.owner()))
    process = subprocess.Popen([str(NGINX), "-e", "stderr", "-c", str(configuration)])
    try:
        trusted = ssl.create_default_context(cafile=certificate)
        with httpx.Client(base_url=f"https://localhost:{port}/gan1010", verify=trusted) as client:
            wait_until_up(client)
        yield f"https://localhost:{port}/gan1010", trusted
    finally:
        process.terminate()
        process.wait(10)


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
    unit.write_text(re.sub(r"^(Exec\w+)=\S+", rf"\1={program}", recipe("ini"), flags=re.MULTILINE))
    done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_readiness_and_reload_of_the_unit_work(behind_nginx: tuple[Server, str, ssl.SSLContext]) -> None:
    server, *_ = behind_nginx
    commands = dict(re.findall(r"^(Exec\w+)=(.*)$", recipe("ini"), re.MULTILINE))
    if not Path(commands["ExecStartPost"].split()[0]).exists():
        pytest.skip("no curl")
    ready = commands["ExecStartPost"].replace("http://127.0.0.1:8000", server.url)
    assert subprocess.run(ready.split(), timeout=60, check=False).returncode == 0
    subprocess.run(commands["ExecReload"].replace("$MAINPID", str(server.process.pid)).split(), check=True)
    server.wait_for("(keys have been read again)")
