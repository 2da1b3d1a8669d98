"""Recipes of docs/operations.md, and nginx with one of them."""

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.clients import free_port, wait_until_up
from tests.support.tls import make_certificate

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
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


def recipes(heading: str, language: str) -> list[str]:
    """Return the code blocks in a language below a heading."""
    (section,) = re.findall(rf"^##+ {heading}.*?\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


@contextmanager
def running_nginx(folder: Path, service_url: str) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run nginx with the recipe, as localhost; yield the service's URL behind it, and the certificates to trust."""
    port = free_port()
    certificate, key = make_certificate(folder, "localhost")
    (text,) = recipes("nginx", "nginx")
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace("http://127.0.0.1:8000", service_url)
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
