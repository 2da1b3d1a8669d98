"""Who gets in: every route of the application itself, with every method, turns away who may not come in."""

import asyncio
import base64
import dis
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from service.api_keys import ApiKeys
from tests.support.clients import Client, app_client, running_server
from tests.support.contract import SHORT_JOB, check_problem, train

KEYS = "alice:s3cret-of-alice,bob:t0ken:with:colons"
GOOD = {"X-API-Key": "s3cret-of-alice"}
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "BREW"]
PUBLIC_PATHS = {"/healthz", "/readyz"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service with two keys, and one job."""
    with app_client(tmp_path_factory.mktemp("guarded"), workers=1, api_key=KEYS) as client:
        assert client.post("/train?wait=9", json=SHORT_JOB, headers=GOOD).status_code == 200
        yield client
        assert len(client.get("/jobs", headers=GOOD).json()["data"]) == 1


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service without keys, and with one job."""
    with app_client(tmp_path_factory.mktemp("unguarded"), workers=1) as client:
        train(client, **SHORT_JOB)
        yield client
        assert len(client.get("/jobs").json()["data"]) == 1


def paths(client: Client, headers: dict[str, str] | None = None) -> list[str]:
    """A path of each of the application's own routes, and some that lead nowhere."""
    job = client.get("/jobs", headers=headers).json()["data"][0]["id"]
    found = ["/none", "/assets/none.js", "/v2/none", "/%2e%2e/etc/passwd", "//healthz", "/healthz/", "/HEALTHZ"]
    for route in client.app.routes:
        path = f"{route.path}/lab.js" if isinstance(route, Mount) else route.path  # type: ignore[attr-defined]
        found.append(re.sub(r"\{\w+(:\w+)?\}", "0", path.replace("{job_id}", job)))
    of_all_kinds = {"/", "/docs", "/openapi.json", "/metrics", "/assets/lab.js", "/train", "/sample", "/sweeps"}
    assert of_all_kinds | {f"/jobs/{job}/events", "/v2", "/v2/models/0/infer", "/v2/repository/index"} <= set(found)
    assert len(found) > len(client.app.routes) > 40
    return found


def walk(client: Client, headers: dict[str, str], known: dict[str, str] | None = None) -> Iterator[httpx.Response]:
    """The answers of all routes to all methods."""
    for path in paths(client, known):
        for method in METHODS:
            yield client.request(method, path, headers=headers)


def sealed(answer: httpx.Response) -> bool:
    """Whether browsers are told to take it for what it says it is, and not to let it do or be anything else."""
    policy = answer.headers.get_list("content-security-policy")
    return (
        answer.headers.get_list("x-content-type-options") == ["nosniff"]
        and answer.headers.get_list("cross-origin-resource-policy") == ["same-origin"]
        and len(policy) == 1
        and {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy[0].split("; "))
    )


def turned_away(answer: httpx.Response, status: int, type: str) -> None:
    request = f"{answer.request.method} {answer.request.url}"
    assert answer.status_code == status, request
    if answer.request.method != "HEAD" and not answer.request.url.path.startswith("/v2"):
        check_problem(answer, status, type)
    assert answer.headers["x-request-id"], request
    assert sealed(answer), request


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "s3cret-of-alicf"}], ids=["no key", "a wrong key"])
def test_without_a_right_key_no_route_lets_anybody_in(guarded: Client, headers: dict[str, str]) -> None:
    for answer in walk(guarded, headers, GOOD):
        if answer.request.url.path in PUBLIC_PATHS:
            assert answer.status_code in (200, 405)
        else:
            turned_away(answer, 401, "key-needed")
            challenges = answer.headers.get_list("www-authenticate")
            assert [challenge.split()[0] for challenge in challenges] == ["Bearer", "Basic"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ""},
        {"X-API-Key": "alice"},
        {"X-API-Key": KEYS},
        {"X-API-Key": "wrong", "Authorization": "Bearer s3cret-of-alice"},
        {"Authorization": "Bearer s3cret-of-alice x"},
        {"Authorization": "s3cret-of-alice"},
        {"Authorization": basic("alice", "wrong")},
        {"Authorization": "Basic !"},
    ],
    ids=str,
)
def test_what_is_no_right_key_is_refused(guarded: Client, headers: dict[str, str]) -> None:
    turned_away(guarded.get("/jobs", headers=headers), 401, "key-needed")


@pytest.mark.parametrize("key", [b"\xff", b"\xc3\xbc", b"s3cret-of-alice\xff", b"s3cret-of-alice\xa0", b"\xed\xa0\x80"])
def test_a_key_of_any_bytes_is_refused_and_no_failure(guarded: Client, key: bytes) -> None:
    in_basic = base64.b64encode(b"alice:" + key)
    for headers in (
        [(b"x-api-key", key)],
        [(b"authorization", b"Bearer " + key)],
        [(b"authorization", b"Basic " + key)],
        [(b"authorization", b"Basic " + in_basic)],
        [(b"authorization", key + b" s3cret-of-alice")],
    ):
        turned_away(guarded.get("/jobs", headers=headers), 401, "key-needed")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "s3cret-of-alice"},
        {"X-API-Key": "t0ken:with:colons"},
        {"Authorization": "Bearer t0ken:with:colons"},
        {"authorization": "bearer  s3cret-of-alice"},
        {"Authorization": basic("", "t0ken:with:colons")},
        {"Authorization": basic("whoever", "s3cret-of-alice"), "Host": "any.example:81"},
    ],
    ids=str,
)
def test_a_key_lets_in_however_it_is_sent(guarded: Client, headers: dict[str, str]) -> None:
    assert guarded.get("/jobs", headers=headers).status_code == 200


def test_addressed_to_another_name_no_route_lets_anybody_in(unguarded: Client) -> None:
    for answer in walk(unguarded, {"Host": "evil.example:8000"}):
        turned_away(answer, 403, "host-not-allowed")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "evil.localhost",
            "localhost@evil",
            "evil@localhost",
        ),
        *(
            "testserver",
            "localhost:x",
            "localhost:80:80",
            "[::2]",
            "[::1].evil.example",
            "::1",
            "[::1",
            "localhost, evil",
        ),
    ],
)
def test_what_is_no_loopback_name_is_told_how_to_set_a_key(unguarded: Client, host: str) -> None:
    answer = unguarded.get("/jobs", headers={"Host": host})
    turned_away(answer, 403, "host-not-allowed")
    assert "GAN1010_API_KEY" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"])
def test_addressed_to_a_loopback_name_it_answers(unguarded: Client, host: str) -> None:
    assert unguarded.get("/jobs", headers={"Host": host}).status_code == 200


def test_pages_of_other_origins_get_in_nowhere(unguarded: Client, guarded: Client) -> None:
    for answer in walk(unguarded, {"Origin": "http://evil.example"}):
        turned_away(answer, 403, "foreign-origin")
    for answer in walk(guarded, {"Sec-Fetch-Site": "cross-site"} | GOOD, GOOD):
        turned_away(answer, 403, "foreign-origin")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "file://localhost"},
        {"Origin": "localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_whatever_another_origin_looks_like_it_is_refused(unguarded: Client, headers: dict[str, str]) -> None:
    for path in ("/", "/jobs", "/healthz"):
        turned_away(unguarded.get(path, headers=headers), 403, "foreign-origin")


def test_a_header_that_comes_twice_says_nothing(guarded: Client, unguarded: Client) -> None:
    for name, values in {"x-api-key": ["s3cret-of-alice"] * 2, "authorization": ["Bearer s3cret-of-alice"] * 2}.items():
        assert guarded.get("/jobs", headers=[(name, value) for value in values]).status_code == 401
    for name, value in {"host": "localhost", "origin": "http://localhost", "sec-fetch-site": "none"}.items():
        assert unguarded.get("/jobs", headers=[(name, value)] * 2).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_our_own_page_and_who_types_an_address_get_in(unguarded: Client, headers: dict[str, str]) -> None:
    assert unguarded.get("/jobs", headers=headers).status_code == 200


def test_a_link_on_another_site_leads_to_the_pages_and_no_further(unguarded: Client) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/", "/docs"):
        page = unguarded.get(path, headers=followed)
        assert page.status_code == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert unguarded.post(path, headers=followed).status_code == 403
    for path in ("/jobs", "/openapi.json", "/assets/lab.js", "/train"):
        assert unguarded.get(path, headers=followed).status_code == 403


def test_allowed_hosts_are_answered_besides_loopback_names(tmp_path: Path) -> None:
    for number, keys in enumerate(["", KEYS]):
        with app_client(tmp_path / str(number), allowed_hosts="Lab.example.org, [fd00::1]", api_key=keys) as client:
            for host in ("lab.example.org", "LAB.EXAMPLE.ORG:8000", "[fd00::1]:80", "localhost"):
                assert client.get("/jobs", headers=GOOD | {"Host": host}).status_code == 200
            for host in ("evil.example", "x.lab.example.org", "example.org"):
                check_problem(client.get("/jobs", headers=GOOD | {"Host": host}), 403, "host-not-allowed")


def asked_from(client: Client, address: str | None, headers: dict[str, str]) -> httpx.Response:
    """What the application answers to who has this address."""

    async def ask() -> httpx.Response:
        peer: Any = address and (address, 5000)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(client.app, client=peer), base_url="http://localhost"
        ) as asking:
            return await asking.get("/jobs", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "::FFFF:0808:0808"])
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}], ids=str)
def test_without_a_key_who_comes_from_afar_does_not_get_in_as_localhost(
    unguarded: Client, guarded: Client, address: str, headers: dict[str, str]
) -> None:
    answer = asked_from(unguarded, address, headers)
    turned_away(answer, 403, "host-not-allowed")
    assert "GAN1010_API_KEY" in answer.json()["detail"]
    assert asked_from(guarded, address, headers | GOOD).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "172.17.0.1",
            "192.168.65.1",
            "::ffff:10.0.0.1",
        ),
        *("169.254.1.1", "fe80::1%eth0", "fd00::1", "100.64.0.1", "testclient", "/run/socket", "", None),
    ],
)
def test_who_is_near_gets_in(unguarded: Client, address: str | None) -> None:
    assert asked_from(unguarded, address, {}).status_code == 200


def test_who_names_hosts_answers_to_all_addresses(tmp_path: Path) -> None:
    with app_client(tmp_path, allowed_hosts="lab.example.org") as client:
        assert asked_from(client, "8.8.8.8", {"Host": "lab.example.org"}).status_code == 200


def test_what_a_proxy_would_say_of_an_address_is_not_believed(tmp_path: Path) -> None:
    with running_server(tmp_path, FORWARDED_ALLOW_IPS="*") as (server, client):
        assert client.get("/jobs", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 200
    assert any("route=/jobs" in line and "client=127.0.0.1" in line for line in server.log)
    assert not any("8.8.8.8" in line for line in server.log)


def test_every_answer_has_an_id_and_a_sane_one_is_taken_over(shared_client: Client) -> None:
    assert shared_client.get("/jobs").headers["x-request-id"] != shared_client.get("/jobs").headers["x-request-id"]
    assert shared_client.get("/none", headers={"X-Request-ID": "a.B-c_9"}).headers["x-request-id"] == "a.B-c_9"
    for odd in ("", "a b", "x" * 65, "a\tb", "ü", "<script>"):
        answer = shared_client.get("/jobs", headers=[(b"x-request-id", odd.encode("latin-1"))])
        assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", answer.headers["x-request-id"])


KINDS = {  # a path: the media type and the status of its answer
    "/jobs": ("application/json", 200),
    "/sample": ("application/json", 200),
    "/v2": ("application/json", 200),
    "/openapi.json": ("application/json", 200),
    "/jobs/{id}/plots/losses.svg": ("image/svg+xml", 200),
    "/jobs/{id}/plots/losses.png": ("image/png", 200),
    "/jobs/{id}/progress": ("text/csv", 200),
    "/jobs/{id}/events": ("text/event-stream", 200),
    "/jobs/{id}/script.py": ("text/x-python", 200),
    "/models/{id}/generator.safetensors": ("application/octet-stream", 200),
    "/metrics": ("text/plain", 200),
    "/healthz": ("application/json", 200),
    "/": ("text/html", 200),
    "/docs": ("text/html", 200),
    "/assets/lab.js": ("text/javascript", 200),
    "/assets/lab.css": ("text/css", 200),
    "/none": ("application/problem+json", 404),
    "/assets/none.js": ("application/problem+json", 404),
    "/jobs?limit=0": ("application/problem+json", 422),
    "/v2/models/none": ("application/json", 404),
}


@pytest.mark.parametrize("path", KINDS)
def test_every_kind_of_answer_has_the_headers_for_browsers(unguarded: Client, path: str) -> None:
    (job,) = unguarded.get("/jobs").json()["data"]
    here = path.format(id=job["id"])
    answer = unguarded.get(here, headers={"Accept": f"{KINDS[path][0]}, */*;q=0.1", "Last-Event-ID": "0"})
    assert (answer.headers["content-type"].partition(";")[0], answer.status_code) == KINDS[path]
    assert sealed(answer)
    if KINDS[path][0] == "text/html":
        assert answer.headers["referrer-policy"] == "same-origin"
    elif etag := answer.headers.get("etag"):
        unchanged = unguarded.get(here, headers={"Accept": KINDS[path][0], "If-None-Match": etag})
        assert (unchanged.status_code, sealed(unchanged)) == (304, True)


def test_failures_of_ours_have_their_headers_too(tmp_path: Path) -> None:
    with app_client(tmp_path, raise_app_exceptions=False) as client:
        client.get("/healthz")  # builds the middleware
        client.app.state.services = None
        answer = client.get("/jobs")
    check_problem(answer, 500, "internal-error")
    assert answer.headers["x-request-id"]
    assert sealed(answer)


def test_too_large_a_body_is_refused_by_routes_that_read_none(tmp_path: Path) -> None:
    with app_client(tmp_path, max_body_bytes=2048) as client:
        for method, path in [("GET", "/jobs"), ("DELETE", "/jobs/x"), ("GET", "/none"), ("OPTIONS", "/assets/lab.js")]:
            for content in (b" " * 3000, iter([b" " * 1500] * 2)):
                answer = client.request(method, path, content=content)
                check_problem(answer, 413, "body-too-large")
                assert answer.headers["connection"] == "close"
                assert sealed(answer)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("just-a-key", ["key-1"]),
        ("alice:s3cret, bob:t0ken", ["alice", "bob"]),
        ("one,alice:a:b:c,two", ["key-1", "alice", "key-3"]),
    ],
)
def test_keys_have_names(text: str, names: list[str]) -> None:
    keys = ApiKeys(text)
    assert bool(keys) == bool(names)
    given = [entry.strip().partition(":")[2] or entry.strip() for entry in text.split(",") if entry]
    assert [keys.name_of(key.encode()) for key in given] == names


@pytest.mark.parametrize(
    "text",
    [
        *(
            ":hunter2",
            "a:",
            ",",
            "a:hunter2,",
            "a b:hunter2",
            "a:hun ter2",
            "a:hünter2",
            "a:hunter2\nb",
            "a\x00:hunter2",
        ),
        *("a:hunter2,a:hunter3", "hunter2,b:hunter2"),
    ],
)
def test_what_is_no_key_is_told_without_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"key [12]: ") as refused:
        ApiKeys(text)
    assert "hunter" not in str(refused.value)


def test_keys_are_compared_in_constant_time() -> None:
    instructions = list(dis.get_instructions(ApiKeys.name_of))
    assert any(instruction.argval == "compare_digest" for instruction in instructions)
    assert not any(instruction.argval in ("==", "!=", "in") for instruction in instructions)
    assert not any(instruction.opname == "CONTAINS_OP" for instruction in instructions)
    loop = [instruction.opname for instruction in instructions]
    assert loop.count("RETURN_VALUE") == 1, "the loop ends only after the last key"
