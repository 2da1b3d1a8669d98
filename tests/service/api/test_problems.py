"""Problem responses to bad input, at every endpoint."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Client, app_client, running_server
from tests.support.contract import SHORT_JOB, Json, check_problem, fill_path, train
from tests.support.data_folder import execute
from tests.support.inference_protocol import check_v2_error

JSON = {"content-type": "application/json"}
SECRET = "hunter2"

PATHS = ["/train", "/sweeps", "/sample", "/score"]

# Bodies with a placeholder for a number, and for a text.
NUMBER = [
    ("/train", '{"learning_rate": %s}'),
    ("/sweeps", '{"grid": {"learning_rate": [0.1, %s]}}'),
    ("/sweeps", '{"grid": {"iterations": [%s]}}'),
    ("/sweeps", '{"base": {"learning_rate": %s}}'),
    ("/sweeps", '{"seeds": %s}'),
    ("/sweeps", '{"seeds": {"start": %s, "count": 9}}'),
    ("/sample", '{"seeds": [0, %s]}'),
    ("/score", '{"vectors": [[0, %s, 0, 0]]}'),
]
TEXT = {
    "/train": '{"name": %s}',
    "/sweeps": '{"grid": {"pattern": ["10", %s]}}',
    "/sample": '{"job_id": %s}',
    "/score": '{"job_id": %s, "vectors": [[0, 0, 0, 0]]}',
}
DEEP = 100_000

NUMBERS = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e39", "9" * 5000, "-" + "9" * 5000, "0." + "9" * 5000 + "e400",
    "1e" + "9" * 50, '"1"', "true", "{}", "[]", "[[1]]", "01", "1.", "0x1", "+1", f'"{SECRET}"', "[" * DEEP,
    "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP,
]  # fmt: skip
TEXTS = [
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\xc0\xaf"', b'"\x00"', b'"', b"'a'", b"5", b"[]",
    b'"\\x41"', b'"%s' % SECRET.encode(), b'{"%s": 1}' % SECRET.encode(),
]  # fmt: skip
NOT_JSON = [
    b"{", b"}", b"nope", b" ", b"\xff\xfe{\x00}\x00", b"{}{}", b'{"a" 1}', b"{'a': 1}", b'{"\\ud800": 1}', b"// {}", b"\x00",
    b"[" * DEEP, b'{"a":' * DEEP, b'{"a":[' * DEEP + b"]}" * DEEP, b"-", b"\xf0\x9f\x98",
]  # fmt: skip
OTHER_JSON = [
    b"null", b"[]", b'"hunter2"', b"1", b"true", b'{"%s": 1}' % SECRET.encode(), b'{"": 1}', b'{"a": 1, "b": 2}',
]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with one finished job; no test adds another."""
    with app_client(tmp_path_factory.mktemp("errors"), workers=1) as client:
        train(client, **SHORT_JOB)
        yield client
        assert len(client.get("/jobs").json()["data"]) == 1


def check_refused(response: httpx.Response) -> Json:
    assert 400 <= response.status_code < 500, (response.status_code, response.text)
    assert SECRET not in response.text
    return check_problem(response, response.status_code)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
@pytest.mark.parametrize(("path", "body"), NUMBER)
def test_only_finite_numbers_are_accepted(client: Client, path: str, body: str, number: str) -> None:
    content = check_refused(client.post(path, content=body % number, headers=JSON))
    assert content["status"] in (400, 422)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
@pytest.mark.parametrize("path", TEXT)
def test_only_valid_text_is_accepted(client: Client, path: str, text: bytes) -> None:
    check_refused(client.post(path, content=TEXT[path].encode() % text, headers=JSON))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "status", "type"),
    [*((it, 400, "malformed-json") for it in NOT_JSON), *((it, 422, "invalid-input") for it in OTHER_JSON)],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_only_the_right_json_is_accepted(client: Client, path: str, body: bytes, status: int, type: str) -> None:
    check_problem(client.post(path, content=body, headers=JSON), status, type)


SENT = 7_654_321
CONTRADICTIONS = [
    ("/train", {"iterations": SENT, "record_every": 1}),
    ("/train", {"iterations": SENT, "snapshot_every": 1}),
    ("/sweeps", {"seeds": {"start": 2**53 - SENT, "count": 999_999}, "base": {"iterations": SENT, "record_every": 1}}),
    ("/sweeps", {"seeds": {"start": 2**53 - 1, "count": 2}}),
    ("/sweeps", {"seeds": 765_432, "grid": {"hidden_size": [2, 3]}}),
    ("/sample", {"seeds": [0.5], "iteration": SENT}),
]


@pytest.mark.parametrize(("path", "body"), CONTRADICTIONS)
def test_error_does_not_repeat_contradictory_values(
    shared_client: Client, article_job: Json, path: str, body: Json
) -> None:
    body = body | ({"job_id": article_job["id"]} if path == "/sample" else {})
    detail = check_problem(shared_client.post(path, json=body), 422)["detail"]
    assert re.search(r"must be|at most|nearest: \d", detail)
    assert not re.search(rf", not |{SENT}|{SENT:,}|{2**53 - 1}|765", detail)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
     "text/json", "json", "application/json2; charset=utf-8", "", "\xff", "application/octet", None],
)  # fmt: skip
@pytest.mark.parametrize("path", [*PATHS, "/jobs/none/cancel"])
def test_other_content_types_are_refused(client: Client, path: str, kind: str | None) -> None:
    headers = [] if kind is None else [(b"content-type", kind.encode("latin-1"))]
    response = client.post(path, content=b"{}", headers=headers)
    assert "application/json" in check_problem(response, 415, "wrong-content-type")["detail"]


BAD_SETTINGS = {
    "preset": ["", SECRET, 1, None, ["article"], "Article"],
    "experiment": ["", SECRET, None, 0],
    "pattern": ["", "0" * 17, "102", 1010, None, " 1010", "1010\n", "１０", ["1", "0"], SECRET],
    "spread": [0, -0.1, 0.5000001, "0.2", True, None, 1e300],
    "iterations": [0, -1, 10_000_001, 1.5, "10", True, None, 2**31, 2**63, 2**64, 10**30],
    "learning_rate": [0, -0.01, 10.0001, 1e39, "0.01", None, False],
    "generator_learning_rate": [0, -1, 11, "0.01", [0.1]],
    "hidden_size": [0, 65, -3, 2.5, "3", None],
    "loss": ["MSE", "", None, SECRET],
    "optimizer": ["SGD", "", None, SECRET],
    "latent": ["gaussian", "", None],
    "latent_value": [1e39, -1e39, "0.5", None, [0.5]],
    "seed": [-1, 2**53, 2**63, 2**64, 2**70, 1.5, "1", True],
    "record_every": [0, -5, 2.5, 10_000_001, "5", True],
    "snapshot_every": [0, -5, 2.5, 10_000_001, "5", True],
    "name": ["x" * 101, 5, ["x"], {"x": 1}],
    SECRET[:6]: [1],
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {name: value}) for name, values in BAD_SETTINGS.items() for value in values),
        ("record_every", {"iterations": 10_000_000, "record_every": 49}),
        ("record_every", {"iterations": 200_001, "record_every": 1}),
        ("snapshot_every", {"iterations": 10_000_000, "snapshot_every": 999}),
        ("snapshot_every", {"iterations": 10_001, "snapshot_every": 1, "preset": "article-bce"}),
    ],
    ids=repr,
)
def test_error_names_the_setting_that_is_out_of_bounds(client: Client, name: str, settings: Json) -> None:
    content = check_problem(client.post("/train", json=settings), 422, "invalid-input")
    assert [mistake["loc"] for mistake in content["errors"]] == [["body", name]]
    assert name in content["detail"]
    assert SECRET not in json.dumps(content)


BAD_QUERIES = {
    "GET /jobs": [
        "limit=0", "limit=-1", "limit=1001", "limit=x", "limit=1.5", "limit=", "limit=99999999999999999999",
        "status=done", "status=", "status=QUEUED", "kind=gan", f"limit={SECRET}", f"status={SECRET}",
    ],
    "GET /models": ["limit=0", "limit=1001", "limit=x"],
    "GET /jobs/{id}": ["wait=-1", "wait=30.1", "wait=nan", "wait=inf", "wait=-inf", "wait=x", "wait=", "wait=1e999"],
    "POST /train": ["wait=-1", "wait=31", "wait=nan", "wait=inf", "wait=x", f"wait={SECRET}"],
    "GET /jobs/{id}/progress": [
        "after=-1", "after=x", "after=1.5", "after=", "after=1e3", "max_points=0", "max_points=-1", "max_points=x",
        "max_points=1.5", "view=other", "view=", f"view={SECRET}", "after=99999999999999999999999999",
    ],
    "GET /jobs/{id}/snapshots": ["weights=maybe", "weights=", "weights=2"],
    "GET /sample": [
        "seed=x", "seed=", "seed=nan", "seed=inf", "seed=-inf", "seed=1e999", "seed=1e39", "seed=0.5&seed=x",
        "iteration=-1", "iteration=x", "iteration=1.5", "iteration=99999999999999999999", f"seed={SECRET}",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "query"), [(call, query) for call, queries in BAD_QUERIES.items() for query in queries], ids=str
)
def test_error_names_the_bad_parameter(client: Client, call: str, query: str) -> None:
    method, path = call.split()
    (job,) = client.get("/jobs").json()["data"]
    content = check_refused(client.request(method, path.format(id=job["id"]) + f"?{query}"))
    assert content["type"] == "/problems/invalid-input"
    assert content["errors"][0]["loc"][:2] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize("name", ["seeds", "Wait", "seed[]", "", "x" * 99])
def test_every_operation_refuses_unknown_parameters(client: Client, name: str) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            known = [it["name"] for it in operation.get("parameters", []) if it["in"] == "query"]
            response = client.request(
                method, fill_path(path, job_id="x"), params=[(name, SECRET)] + [(it, "1") for it in known]
            )
            check = check_v2_error if path.startswith("/v2") else check_problem
            content = check(response, 422, "invalid-input")
            advice = f"Send one of these: {', '.join(known)}." if known else "This operation takes none."
            echoed = name if name in ("seeds", "Wait") else "?"
            mistake = {
                "loc": ["query", echoed],
                "msg": f"There is no such parameter. {advice}",
                "type": "unknown_parameter",
            }
            assert content["errors"] == [mistake]
            assert content["detail"] == f"{echoed}: {mistake['msg']}"
            assert SECRET not in response.text


def test_parameter_that_comes_twice_is_refused(client: Client) -> None:
    for path in ("/jobs?limit=2&after=x&limit=3", "/sample?job_id=x&seed=1&seed=2&job_id=y", "/jobs/x?wait=0&wait=9"):
        content = check_problem(client.get(path), 422, "invalid-input")
        (mistake,) = content["errors"]
        assert (mistake["loc"], mistake["type"]) == (
            ["query", path.rpartition("&")[2].partition("=")[0]],
            "repeated_parameter",
        )


def test_page_ignores_the_query(client: Client) -> None:
    for path in ("/?view=lab&utm_source=x", "/docs?x=1", "/assets/lab.js?v=2"):
        assert client.get(path).status_code == 200
    check_problem(client.get("/openapi.json?x=1"), 422)


def test_too_long_idempotency_key_is_refused(client: Client) -> None:
    content = check_problem(client.post("/train", json=SHORT_JOB, headers={"Idempotency-Key": "x" * 256}), 422)
    assert [part.lower() for part in content["errors"][0]["loc"]] == ["header", "idempotency-key"]


@pytest.mark.parametrize("id", ["none", "0" * 24, "%00", "%ff", "ü", "a%2Fb", "%F0%9F%98%80", "'; DROP TABLE jobs; --"])
@pytest.mark.parametrize(
    "call",
    ["GET /jobs/{id}", "GET /jobs/{id}?wait=9", "POST /jobs/{id}/cancel", "DELETE /jobs/{id}", "GET /jobs/{id}/progress",
     "GET /jobs/{id}/snapshots", "GET /jobs/{id}/events", "GET /jobs/{id}/plots/losses.png", "GET /jobs/{id}/script.py",
     "GET /models/{id}/generator.safetensors", "GET /sample?job_id={id}", "GET /sweeps/{id}/results",
     "GET /sweeps/{id}/members", "GET /sweeps/{id}/plots/heatmap.png", "POST /sweeps/{id}/members/0/train"],
)  # fmt: skip
def test_unknown_job_is_not_found(client: Client, call: str, id: str) -> None:
    method, path = call.split()
    response = client.request(method, path.replace("{id}", id))
    check_problem(response, 404, "job-not-found" if id == "none" else None)


@pytest.mark.parametrize(("path", "body"), [("/sample", {}), ("/score", {"vectors": [[0, 0, 0, 0]]})])
@pytest.mark.parametrize("id", ["none", "", "x" * 10_000, "\x00"])
def test_model_of_an_unknown_job_is_not_found(client: Client, path: str, body: Json, id: str) -> None:
    content = check_refused(client.post(path, json=body | {"job_id": id}))
    assert content["status"] in (404, 422)


@pytest.mark.parametrize(
    "path",
    ["/none", "/jobs/a/none", "/models/a", "/TRAIN", "/assets/none.js", "/assets/", "/assets/%2e%2e/app.py", "/%00", "/%ff",
     "/assets/..%2f..%2fapp.py", "/assets/views", "/assets/%00", "/assets/" + "x" * 5000, "/" + "é" * 3000, "/jobs/a/b/c",
     "/docs/x", "/" + "%01" * 900],
)  # fmt: skip
def test_unknown_path_is_not_found(client: Client, path: str) -> None:
    check_problem(client.get(path), 404)


PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gan.example", "Forwarded": "proto=https"}


@pytest.mark.parametrize("extra", ["{path}/", "{path}//", "/{path}", "{path}/?wait=1"])
def test_extra_slash_is_not_redirected(client: Client, extra: str) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            url = f"http://localhost{extra.format(path=fill_path(path, job_id='x'))}"
            response = client.request(method, url, headers=PROXIED)
            assert "location" not in response.headers
            check = check_v2_error if response.request.url.path.startswith("/v2") else check_problem
            assert "without a slash at the end" in check(response, 404, "not-found")["detail"]


def test_key_is_not_redirected_to_plain_text(server_url: str) -> None:
    headers = PROXIED | {"Authorization": "Bearer s3cret"}
    for path in ("/train/", "//train", "/assets", "/docs/"):
        response = httpx.post(f"{server_url}{path}", headers=headers)
        assert (response.status_code, response.headers.get("location")) == (404, None)


def test_wrong_method_gets_the_allowed_ones(client: Client) -> None:
    pages = {path: {"get": {}} for path in ("/docs", "/openapi.json", "/assets/docs.js")}
    for path, operations in (client.get("/openapi.json").json()["paths"] | pages).items():
        for method in {"get", "post", "put", "patch", "delete"} - operations.keys():
            response = client.request(method, path)
            (check_v2_error if path.startswith("/v2") else check_problem)(response, 405, "method-not-allowed")
            allowed = {name.strip().lower() for name in response.headers["allow"].split(",")}
            assert allowed - {"head", "options"} == operations.keys(), path


RANGES = [
    "bytes=0-9", "bytes=-1", "bytes=99999999-", "bytes=9-1", "bytes=", "pages=1", "nonsense", f"bytes=0-0{',0-0' * 200}",
]  # fmt: skip


@pytest.mark.parametrize("range", RANGES, ids=lambda range: range[:20])
@pytest.mark.parametrize("path", ["/", "/docs", "/assets/lab.js", "/jobs", "/metrics"])
def test_range_requests_get_the_whole_content(client: Client, path: str, range: str) -> None:
    for method in ("GET", "HEAD") if path.startswith("/assets") else ("GET",):
        response = client.request(method, path, headers={"Range": range})
        assert response.status_code == 200
        assert "content-range" not in response.headers
        assert response.headers.get("accept-ranges", "none") == "none"
        assert response.headers["content-type"] == client.get(path).headers["content-type"]


@pytest.mark.parametrize("key", ["k", "\x01" * 80, "😀" * 80, '"' * 80, "ü" * 80, "x" * 10_000])
@pytest.mark.parametrize("path", PATHS)
def test_at_most_twenty_mistakes_are_reported(client: Client, path: str, key: str) -> None:
    for body in ({f"{number}{key}{number}": SECRET for number in range(60)}, {"vectors": [[SECRET]] * 100_000}):
        if path == "/score" or "vectors" not in body:
            assert len(check_refused(client.post(path, json=body))["errors"]) == 20


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_body_is_refused(tmp_path: Path, chunked: bool) -> None:
    without_body = [("GET", "/jobs"), ("DELETE", "/jobs/x"), ("GET", "/none"), ("OPTIONS", "/assets/lab.js")]
    body = b'{"name": "' + b"x" * 3000 + b'"}'
    with app_client(tmp_path, workers=1, max_body_bytes=2048) as client:
        for method, path in [*(("POST", path) for path in (*PATHS, "/jobs/none/cancel")), *without_body]:
            content = (body[place : place + 500] for place in range(0, len(body), 500)) if chunked else body
            response = client.request(method, path, content=content, headers=JSON)
            assert "GAN1010_MAX_BODY_BYTES" in check_problem(response, 413, "body-too-large")["detail"]
            assert response.headers["connection"] == "close"
        largest = b'{"iterations": 1}'.ljust(2048)
        response = client.post("/train", content=iter([largest]) if chunked else largest, headers=JSON)
        assert response.status_code == 202


def test_internal_error_shows_no_details(tmp_path: Path) -> None:
    with app_client(tmp_path, raise_app_exceptions=False) as client:
        execute(tmp_path, "DROP TABLE models")
        response = client.get("/models")
        check_problem(response, 500, "storage-failed")
        assert str(tmp_path) not in response.text


def test_disconnect_in_a_body_is_not_an_error(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
            head = "POST /train HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            connection.sendall(head.encode())
        assert client.get("/jobs").json()["data"] == []
        assert server.stop() == 0
    assert "Traceback" not in "".join(server.log)
