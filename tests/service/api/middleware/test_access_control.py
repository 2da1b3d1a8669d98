"""Access control at every route and method, security headers, and API keys."""

import base64
import dis
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.routing import Mount

from service.api import limits
from service.api.middleware import wrong_keys
from service.api.middleware.wrong_keys import WrongKeys
from service.api_keys import ApiKeys
from tests.support.clients import Client, app_client, request_from, running_server
from tests.support.contract import SHORT_JOB, check_problem, train

KEYS = "alice:s3cret-of-alice,bob:t0ken:with:colons"
VALID_KEY = {"X-API-Key": "s3cret-of-alice"}
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "BREW"]
PUBLIC_PATHS = {"/healthz", "/readyz"}
Headers = dict[str, str]


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with two keys and one job."""
    with (
        pytest.MonkeyPatch.context() as patch,
        app_client(tmp_path_factory.mktemp("with_keys"), workers=1, api_key=KEYS) as client,
    ):
        patch.setattr(limits, "MAX_WRONG_KEYS", 10**6)
        assert client.post("/train?wait=9", json=SHORT_JOB, headers=VALID_KEY).status_code == 200
        yield client
        assert len(client.get("/jobs", headers=VALID_KEY).json()["data"]) == 1


@pytest.fixture(scope="module")
def without_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service without keys and with one job."""
    with app_client(tmp_path_factory.mktemp("without_keys"), workers=1) as client:
        train(client, **SHORT_JOB)
        yield client
        assert len(client.get("/jobs").json()["data"]) == 1


def all_paths(client: Client, headers: Headers | None = None) -> list[str]:
    """List a path of each route, and some paths that do not exist."""
    job = client.get("/jobs", headers=headers).json()["data"][0]["id"]
    paths = ["/none", "/assets/none.js", "/v2/none", "/%2e%2e/etc/passwd", "//healthz", "/healthz/", "/HEALTHZ"]
    for route in client.app.routes:
        path = f"{route.path}/lab.js" if isinstance(route, Mount) else route.path  # type: ignore[attr-defined]
        paths.append(re.sub(r"\{\w+(:\w+)?\}", "0", path.replace("{job_id}", job)))
    samples = {"/", "/docs", "/openapi.json", "/metrics", "/assets/lab.js", "/train", "/sample", "/sweeps"}
    assert samples | {f"/jobs/{job}/events", "/v2", "/v2/models/0/infer", "/v2/repository/index"} <= set(paths)
    assert len(paths) > len(client.app.routes) > 40
    return paths


def request_all(client: Client, headers: Headers, job_headers: Headers | None = None) -> Iterator[httpx.Response]:
    """Send a request to every path with every method."""
    for path in all_paths(client, job_headers):
        for method in METHODS:
            yield client.request(method, path, headers=headers)


def has_security_headers(response: httpx.Response) -> bool:
    policy = response.headers.get_list("content-security-policy")
    return (
        response.headers.get_list("x-content-type-options") == ["nosniff"]
        and response.headers.get_list("cross-origin-resource-policy") == ["same-origin"]
        and len(policy) == 1
        and {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy[0].split("; "))
    )


def check_refused(response: httpx.Response, status: int, type: str) -> None:
    request = f"{response.request.method} {response.request.url}"
    assert response.status_code == status, request
    if response.request.method != "HEAD" and not response.request.url.path.startswith("/v2"):
        check_problem(response, status, type)
    assert response.headers["x-request-id"], request
    assert has_security_headers(response), request


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "s3cret-of-alicf"}], ids=["no key", "a wrong key"])
def test_every_route_needs_a_key(with_keys: Client, headers: Headers) -> None:
    for response in request_all(with_keys, headers, VALID_KEY):
        if response.request.url.path in PUBLIC_PATHS:
            assert response.status_code in (200, 405)
        else:
            check_refused(response, 401, "key-needed")
            challenges = response.headers.get_list("www-authenticate")
            assert [challenge.split()[0] for challenge in challenges] == ["Bearer", "Basic"]


NOT_ASCII = [b"\xff", b"\xc3\xbc", b"s3cret-of-alice\xff", b"s3cret-of-alice\xa0", b"\xed\xa0\x80"]


@pytest.mark.parametrize(
    "headers",
    [
        *({"X-API-Key": key} for key in ("", "alice", KEYS)),
        {"X-API-Key": "wrong", "Authorization": "Bearer s3cret-of-alice"},
        *({"Authorization": it} for it in ("Bearer s3cret-of-alice x", "s3cret-of-alice", "Basic !")),
        {"Authorization": basic("alice", "wrong")},
        *({b"x-api-key": key} for key in NOT_ASCII),
        *({b"authorization": scheme + key} for key in NOT_ASCII for scheme in (b"Bearer ", b"Basic ")),
        *({b"authorization": b"Basic " + base64.b64encode(b"alice:" + key)} for key in NOT_ASCII),
        *({b"authorization": key + b" s3cret-of-alice"} for key in NOT_ASCII),
    ],
    ids=str,
)
def test_wrong_keys_are_refused(with_keys: Client, headers: Any) -> None:
    check_refused(with_keys.get("/jobs", headers=headers), 401, "key-needed")


@pytest.mark.parametrize(
    "headers",
    [
        *({"X-API-Key": key} for key in ("s3cret-of-alice", "t0ken:with:colons")),
        {"Authorization": "Bearer t0ken:with:colons"},
        {"authorization": "bearer  s3cret-of-alice"},
        {"Authorization": basic("", "t0ken:with:colons")},
        {"Authorization": basic("any name", "s3cret-of-alice"), "Host": "any.example:81"},
    ],
    ids=str,
)
def test_key_is_accepted_in_every_form(with_keys: Client, headers: Headers) -> None:
    assert with_keys.get("/jobs", headers=headers).status_code == 200


def test_every_route_refuses_another_host(without_keys: Client) -> None:
    for response in request_all(without_keys, {"Host": "evil.example:8000"}):
        if response.request.url.path in PUBLIC_PATHS:
            assert response.status_code in (200, 405)
        else:
            check_refused(response, 403, "host-not-allowed")


@pytest.mark.parametrize("settings", [{}, {"allowed_hosts": "lab.example.org"}, {"api_key": KEYS}], ids=str)
def test_probes_need_no_name_and_no_private_address(tmp_path: Path, settings: Any) -> None:
    with app_client(tmp_path, workers=1, **settings) as client:
        for path in sorted(PUBLIC_PATHS):
            for host in ("10.1.2.3:8000", "[fd00::1]", "evil.example", "not a host", ""):
                assert client.get(path, headers={"Host": host}).status_code == 200
            assert request_from(client, "8.8.8.8", {"Host": "203.0.113.9"}, path).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", "10.0.0.1", "testserver", "localhost.evil.example", "127.0.0.1.nip.io", "evil.localhost", "localhost@evil",
     "evil@localhost", "localhost:x", "localhost:80:80", "[::2]", "[::1].evil.example", "::1", "[::1",
     "localhost, evil"],
)  # fmt: skip
def test_refused_host_gets_the_remedy(without_keys: Client, host: str) -> None:
    response = without_keys.get("/jobs", headers={"Host": host})
    check_refused(response, 403, "host-not-allowed")
    assert "GAN1010_API_KEY" in response.json()["detail"]


def test_every_route_refuses_cross_origin_requests(without_keys: Client, with_keys: Client) -> None:
    for response in request_all(without_keys, {"Origin": "http://evil.example"}):
        check_refused(response, 403, "foreign-origin")
    for response in request_all(with_keys, {"Sec-Fetch-Site": "cross-site"} | VALID_KEY, VALID_KEY):
        check_refused(response, 403, "foreign-origin")


@pytest.mark.parametrize(
    "headers",
    [
        *({"Origin": origin} for origin in ("null", "", "file://localhost", "localhost")),
        *({"Origin": f"http://{host}"} for host in ("localhost:81", "localhost.evil.example")),
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_every_form_of_another_origin_is_refused(without_keys: Client, headers: Headers) -> None:
    for path in ("/", "/jobs", "/healthz"):
        check_refused(without_keys.get(path, headers=headers), 403, "foreign-origin")


@pytest.mark.parametrize(
    ("origin", "host", "shown"),
    [
        ("https://lab.example.org:8443", "127.0.0.1:8000", ("https://lab.example.org:8443", "127.0.0.1:8000")),
        ("http://evil.example", "localhost", ("http://evil.example", "localhost")),
        ("null", "localhost", ("null", "localhost")),
        ("http://a b", "localhost", ("not readable", "localhost")),
        ("http://" + "a" * 9000, "localhost", ("not readable", "localhost")),
    ],
)
def test_refused_origin_is_shown_with_the_host(
    without_keys: Client, origin: str, host: str, shown: tuple[str, str]
) -> None:
    response = without_keys.get("/jobs", headers={"Origin": origin, "Host": host})
    detail = check_problem(response, 403, "foreign-origin")["detail"]
    assert f"The Origin of the page is {shown[0]}, and the Host of the request is {shown[1]}." in detail


def test_duplicated_security_headers_are_ignored(with_keys: Client, without_keys: Client) -> None:
    for name, value in {"x-api-key": "s3cret-of-alice", "authorization": "Bearer s3cret-of-alice"}.items():
        assert with_keys.get("/jobs", headers=[(name, value)] * 2).status_code == 401
    for name, value in {"host": "localhost", "origin": "http://localhost", "sec-fetch-site": "none"}.items():
        assert without_keys.get("/jobs", headers=[(name, value)] * 2).status_code == 403


LOOPBACK_HOSTS = ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "127.0.0.2", "[::1]", "[::1]:8000"]


@pytest.mark.parametrize(
    "headers",
    [
        *({"Host": host} for host in LOOPBACK_HOSTS),
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_loopback_names_own_page_and_typed_address_are_served(without_keys: Client, headers: Headers) -> None:
    assert without_keys.get("/jobs", headers=headers).status_code == 200


def test_other_sites_may_link_to_the_pages_only(without_keys: Client) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/", "/docs"):
        page = without_keys.get(path, headers=followed)
        assert page.status_code == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert without_keys.post(path, headers=followed).status_code == 403
    for path in ("/jobs", "/openapi.json", "/assets/lab.js", "/train"):
        assert without_keys.get(path, headers=followed).status_code == 403


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}


def test_browser_without_a_key_gets_a_page_with_the_remedy(with_keys: Client, without_keys: Client) -> None:
    for path in ("/", "/docs"):
        for headers in ({}, {"Authorization": basic("alice", "wrong")}):
            response = with_keys.get(path, headers=BROWSER | headers)
            assert response.status_code == 401
            assert response.headers["content-type"].startswith("text/html")
            assert "basic" in response.headers["www-authenticate"].lower()
            assert "enter the key as the password" in response.text
            assert "Bearer" not in response.text
            chinese = with_keys.get(path, headers=BROWSER | headers | CHINESE)
            assert ('<html lang="zh-Hans">' in chinese.text, "密码填写密钥" in chinese.text) == (True, True)
        refused = without_keys.get(path, headers=BROWSER | CHINESE | {"Host": "evil.example"})
        assert (refused.status_code, "<h1>Host not allowed</h1>" in refused.text) == (403, True)
    check_refused(with_keys.get("/jobs", headers=BROWSER), 401, "key-needed")
    check_refused(with_keys.get("/"), 401, "key-needed")


@pytest.mark.parametrize("keys", [SecretStr(""), KEYS], ids=str)
def test_allowed_hosts_are_served_beside_loopback_names(tmp_path: Path, keys: SecretStr | str) -> None:
    with app_client(tmp_path, allowed_hosts="Lab.example.org, [fd00::1]", api_key=keys) as client:
        for host in ("lab.example.org", "LAB.EXAMPLE.ORG:8000", "[fd00::1]:80", "localhost"):
            assert client.get("/jobs", headers=VALID_KEY | {"Host": host}).status_code == 200
        assert request_from(client, "8.8.8.8", VALID_KEY | {"Host": "lab.example.org"}).status_code == 200
        for host in ("evil.example", "x.lab.example.org", "example.org"):
            check_problem(client.get("/jobs", headers=VALID_KEY | {"Host": host}), 403, "host-not-allowed")


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "::FFFF:0808:0808"])
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}], ids=str)
def test_public_addresses_need_a_key(without_keys: Client, with_keys: Client, address: str, headers: Headers) -> None:
    response = request_from(without_keys, address, headers)
    check_refused(response, 403, "host-not-allowed")
    assert "GAN1010_API_KEY" in response.json()["detail"]
    assert request_from(with_keys, address, headers | VALID_KEY).status_code == 200


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.17.0.1", "192.168.65.1", "::ffff:10.0.0.1",
     "169.254.1.1", "fe80::1%eth0", "fd00::1", "100.64.0.1", "testclient", "/run/socket", "", None],
)  # fmt: skip
def test_local_addresses_are_served(without_keys: Client, address: str | None) -> None:
    assert request_from(without_keys, address, {}).status_code == 200


def test_forwarded_addresses_are_ignored(tmp_path: Path) -> None:
    with running_server(tmp_path, FORWARDED_ALLOW_IPS="*") as (server, client):
        assert client.get("/jobs", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 200
    assert any("route=/jobs" in line and "client=127.0.0.1" in line for line in server.log)
    assert not any("8.8.8.8" in line for line in server.log)


def test_every_response_has_a_request_id(shared_client: Client) -> None:
    assert shared_client.get("/jobs").headers["x-request-id"] != shared_client.get("/jobs").headers["x-request-id"]
    assert shared_client.get("/none", headers={"X-Request-ID": "a.B-c_9"}).headers["x-request-id"] == "a.B-c_9"
    for malformed in ("", "a b", "x" * 65, "a\tb", "ü", "<script>"):
        response = shared_client.get("/jobs", headers=[(b"x-request-id", malformed.encode("latin-1"))])
        assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", response.headers["x-request-id"])


RESPONSES = {  # by status
    200: [
        "/jobs", "/sample", "/v2", "/openapi.json", "/jobs/{id}/plots/losses.svg", "/jobs/{id}/plots/losses.png",
        "/jobs/{id}/progress", "/jobs/{id}/events", "/jobs/{id}/script.py", "/models/{id}/generator.safetensors",
        "/metrics", "/healthz", "/", "/docs", "/assets/lab.js", "/assets/lab.css",
    ],
    404: ["/none", "/assets/none.js", "/v2/models/none"],
    422: ["/jobs?limit=0"],
}  # fmt: skip


@pytest.mark.parametrize(("path", "status"), [(path, status) for status, paths in RESPONSES.items() for path in paths])
def test_every_kind_of_response_has_security_headers(without_keys: Client, path: str, status: int) -> None:
    (job,) = without_keys.get("/jobs").json()["data"]
    headers = {"Accept": "text/csv, */*;q=0.1", "Last-Event-ID": "0"}
    response = without_keys.get(path.format(id=job["id"]), headers=headers)
    assert (response.status_code, has_security_headers(response)) == (status, True)
    if response.headers["content-type"].startswith("text/html"):
        assert response.headers["referrer-policy"] == "same-origin"
    elif etag := response.headers.get("etag"):
        unchanged = without_keys.get(path.format(id=job["id"]), headers=headers | {"If-None-Match": etag})
        assert (unchanged.status_code, has_security_headers(unchanged)) == (304, True)


def test_internal_errors_have_security_headers(tmp_path: Path) -> None:
    with app_client(tmp_path, raise_app_exceptions=False) as client:
        client.get("/healthz")  # builds the middleware
        client.app.state.services = None
        response = client.get("/jobs")
    check_problem(response, 500, "internal-error")
    assert response.headers["x-request-id"]
    assert has_security_headers(response)


def refusals(client: Client) -> dict[str, float]:
    """Return the number of refused requests, by reason."""
    metrics = client.get("/metrics", headers=VALID_KEY).text
    return {
        reason: float(count)
        for reason, count in re.findall(r'^gan1010_refused_requests_total\{reason="([\w-]+)"\} (\S+)$', metrics, re.M)
    }


def test_address_with_many_wrong_keys_is_blocked_for_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "MAX_WRONG_KEYS", 20)  # the client with keys has a higher limit
    guess: Headers = {"Authorization": "Bearer hunter2"}
    with app_client(tmp_path, workers=1, api_key=KEYS) as client:
        assert [request_from(client, "10.0.0.1", guess).status_code for _ in range(20)] == [401] * 20
        for headers in (guess, VALID_KEY):
            blocked = request_from(client, "10.0.0.1", headers)
            check_refused(blocked, 429, "too-many-wrong-keys")
            assert 55 <= int(blocked.headers["retry-after"]) <= 60
        for language, words in ({}, "Wait {} seconds"), (CHINESE, "请等待 {} 秒"):
            page = request_from(client, "10.0.0.1", VALID_KEY | BROWSER | language, "/")
            assert (page.status_code, words.format(page.headers["retry-after"]) in page.text) == (429, True)
        assert request_from(client, "10.0.0.1", {}).status_code == 401  # no guess, so a browser still asks for the key
        assert request_from(client, "10.0.0.1", guess, "/healthz").status_code == 200
        assert request_from(client, "10.0.0.2", VALID_KEY).status_code == 200
        assert refusals(client) == {
            "host": 0, "public-address": 0, "origin": 0, "no-key": 1, "wrong-key": 20, "too-many-wrong-keys": 4,
        }  # fmt: skip
        monkeypatch.setattr(limits, "WRONG_KEYS_SECONDS", 0.0)
        assert request_from(client, "10.0.0.1", VALID_KEY).status_code == 200
    (warning,) = [record for record in caplog.records if "wrong API keys" in record.message]
    assert "GAN1010_TRUSTED_PROXIES" in warning.message
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "10.0.0.1", False),
        ("testclient", "testclient", True),
    ],
)
def test_wrong_keys_are_counted_by_client(
    monkeypatch: pytest.MonkeyPatch, first: str, second: str, are_one: bool
) -> None:
    monkeypatch.setattr(limits, "MAX_WRONG_KEYS", 1)
    wrong = WrongKeys()
    assert wrong.add(first)
    assert bool(wrong.blocked_seconds(second)) == are_one


def test_the_addresses_with_wrong_keys_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WRONG_KEYS", 1)
    monkeypatch.setattr(wrong_keys, "MAX_ADDRESSES", 2)
    wrong = WrongKeys()
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
        wrong.add(address)
    blocked = [bool(wrong.blocked_seconds(f"10.0.0.{number}")) for number in (1, 2, 3)]
    assert blocked == [True, False, True]


def test_refused_requests_are_counted_by_reason(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.get("/jobs", headers=headers).status_code == 403
        assert request_from(client, "8.8.8.8", {}).status_code == 403
        assert {reason: count for reason, count in refusals(client).items() if count} == {
            "host": 1, "public-address": 1, "origin": 2,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [("", []), ("just-a-key", ["key-1"]), ("alice:s3cret, bob:t0ken", ["alice", "bob"]),
     ("one,alice:a:b:c,two", ["key-1", "alice", "key-3"]), ("alice:s3cret\r\n\nbob:t0ken\n", ["alice", "bob"])],
)  # fmt: skip
def test_keys_have_names(text: str, names: list[str]) -> None:
    keys = ApiKeys(text)
    assert bool(keys) == bool(names)
    entries = re.split(r"[,\s]+", text.strip()) if text else []
    presented = [entry.partition(":")[2] or entry for entry in entries]
    assert [keys.name_of(key.encode()) for key in presented] == names


@pytest.mark.parametrize(
    "text",
    [":hunter2", "a:", ",", "a:hunter2,", "a b:hunter2", "a:hun ter2", "a:hünter2", "a:hunter2\x0bb", "a\x00:hunter2",
     "a:hunter2,a:hunter3", "hunter2,b:hunter2"],
)  # fmt: skip
def test_error_does_not_repeat_a_malformed_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Kk]ey [12]") as refused:
        ApiKeys(text)
    assert "hunter" not in str(refused.value)


def test_keys_are_compared_in_constant_time() -> None:
    instructions = list(dis.get_instructions(ApiKeys.name_of))
    assert any(instruction.argval == "compare_digest" for instruction in instructions)
    assert not any(instruction.argval in ("==", "!=", "in") for instruction in instructions)
    assert not any(instruction.opname == "CONTAINS_OP" for instruction in instructions)
    assert sum(instruction.opname == "RETURN_VALUE" for instruction in instructions) == 1, "no early return"
