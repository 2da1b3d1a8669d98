"""Bad input, everywhere: a problem that says what is wrong and what would be right, and never a failure of ours."""

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Client, app_client, running_server
from tests.support.contract import SHORT_JOB, Json, check_problem, train
from tests.support.inference_protocol import check_v2_error

JSON = {"content-type": "application/json"}
SECRET = "hunter2"

# An input of each endpoint that takes a body, with a place for a number and one for a text.
NUMBER = {
    "/train": '{"learning_rate": %s}',
    "/sweeps": '{"grid": {"learning_rate": [0.1, %s]}}',
    "/sample": '{"seeds": [0, %s]}',
    "/score": '{"vectors": [[0, %s, 0, 0]]}',
}
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
BODIES = [
    b"{", b"}", b"nope", b"null", b" ", b"[]", b'"hunter2"', b"1", b"true", b"\xff\xfe{\x00}\x00", b"{}{}", b'{"a" 1}', b"{'a': 1}",
    b'{"%s": 1}' % SECRET.encode(), b'{"": 1}', b'{"\\ud800": 1}', b'{"a": 1, "b": 2}', b"// {}", b"\x00",
    b"[" * DEEP, b'{"a":' * DEEP, b'{"a":[' * DEEP + b"]}" * DEEP, b"-", b"\xf0\x9f\x98",
]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service with one finished job, to which nothing is added here."""
    with app_client(tmp_path_factory.mktemp("errors"), workers=1) as client:
        train(client, **SHORT_JOB)
        yield client
        assert len(client.get("/jobs").json()["data"]) == 1


def refused(answer: httpx.Response) -> Json:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert SECRET not in answer.text
    return check_problem(answer, answer.status_code)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
@pytest.mark.parametrize("path", NUMBER)
def test_what_is_no_finite_number_is_refused(client: Client, path: str, number: str) -> None:
    content = refused(client.post(path, content=NUMBER[path] % number, headers=JSON))
    assert content["status"] in (400, 422)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
@pytest.mark.parametrize("path", TEXT)
def test_what_is_no_text_is_refused(client: Client, path: str, text: bytes) -> None:
    refused(client.post(path, content=TEXT[path].encode() % text, headers=JSON))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("path", NUMBER)
def test_what_is_not_the_right_json_is_refused(client: Client, path: str, body: bytes) -> None:
    content = check_problem(client.post(path, content=body, headers=JSON), 422 if is_json(body) else 400)
    assert content["type"] in ("/problems/invalid-input", "/problems/malformed-json")


SENT = 7_654_321
NOT_TOGETHER = [
    ("/train", {"iterations": SENT, "record_every": 1}),
    ("/train", {"iterations": SENT, "snapshot_every": 1}),
    ("/sweeps", {"seeds": {"start": 2**53 - SENT, "count": 999_999}, "base": {"iterations": SENT, "record_every": 1}}),
    ("/sweeps", {"seeds": {"start": 2**53 - 1, "count": 2}}),
    ("/sweeps", {"seeds": 765_432, "grid": {"hidden_size": [2, 3]}}),
    ("/sample", {"seeds": [0.5], "iteration": SENT}),
]


@pytest.mark.parametrize(("path", "body"), NOT_TOGETHER)
def test_values_that_do_not_go_together_are_not_repeated(
    shared_client: Client, article_job: Json, path: str, body: Json
) -> None:
    body = body | ({"job_id": article_job["id"]} if path == "/sample" else {})
    detail = check_problem(shared_client.post(path, json=body), 422)["detail"]
    assert re.search(r"must be|at most|the nearest: \d", detail)
    assert not re.search(rf", not |{SENT}|{SENT:,}|{2**53 - 1}|765", detail)


def is_json(body: bytes) -> bool:
    try:
        json.dumps(json.loads(body.decode()), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
     "text/json", "json", "application/json2; charset=utf-8", "", "\xff", "application/octet"],
)  # fmt: skip
@pytest.mark.parametrize("path", [*NUMBER, "/jobs/none/cancel"])
def test_another_content_type_is_refused(client: Client, path: str, kind: str) -> None:
    answer = client.post(path, content=b"{}", headers=[(b"content-type", kind.encode("latin-1"))])
    assert "application/json" in check_problem(answer, 415, "wrong-content-type")["detail"]


def test_body_without_a_content_type_is_refused(client: Client) -> None:
    for path in NUMBER:
        check_problem(client.post(path, content=b"{}"), 415, "wrong-content-type")


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
    ("name", "value"), [(name, value) for name, values in BAD_SETTINGS.items() for value in values], ids=repr
)
def test_setting_out_of_its_bounds_is_named(client: Client, name: str, value: object) -> None:
    content = check_problem(client.post("/train", json={name: value}), 422, "invalid-input")
    assert [mistake["loc"] for mistake in content["errors"]] == [["body", name]]
    assert name in content["detail"]
    assert SECRET not in json.dumps(content)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"iterations": 10_000_000, "record_every": 49}, "record_every"),
        ({"iterations": 200_001, "record_every": 1}, "record_every"),
        ({"iterations": 10_000_000, "snapshot_every": 999}, "snapshot_every"),
        ({"iterations": 10_001, "snapshot_every": 1, "preset": "article-bce"}, "snapshot_every"),
    ],
)
def test_settings_that_would_keep_too_much_are_refused(client: Client, settings: Json, name: str) -> None:
    content = check_problem(client.post("/train", json=settings), 422, "invalid-input")
    assert [mistake["loc"] for mistake in content["errors"]] == [["body", name]]


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
def test_bad_parameter_is_named(client: Client, call: str, query: str) -> None:
    method, path = call.split()
    (job,) = client.get("/jobs").json()["data"]
    content = refused(client.request(method, path.format(id=job["id"]) + f"?{query}"))
    assert content["type"] == "/problems/invalid-input"
    assert content["errors"][0]["loc"][:2] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_bad_idempotency_key_is_refused(client: Client, key: str) -> None:
    content = check_problem(client.post("/train", json=SHORT_JOB, headers={"Idempotency-Key": key}), 422)
    assert [part.lower() for part in content["errors"][0]["loc"]] == ["header", "idempotency-key"]


@pytest.mark.parametrize("id", ["none", "0" * 24, "%00", "%ff", "ü", "a%2Fb", "%F0%9F%98%80", "'; DROP TABLE jobs; --"])
@pytest.mark.parametrize(
    "call",
    ["GET /jobs/{id}", "GET /jobs/{id}?wait=9", "POST /jobs/{id}/cancel", "DELETE /jobs/{id}", "GET /jobs/{id}/progress",
     "GET /jobs/{id}/snapshots", "GET /models/{id}/generator.safetensors", "GET /sample?job_id={id}"],
)  # fmt: skip
def test_unknown_job_is_not_found(client: Client, call: str, id: str) -> None:
    method, path = call.split()
    check_problem(client.request(method, path.replace("{id}", id)), 404)


@pytest.mark.parametrize(("path", "body"), [("/sample", {}), ("/score", {"vectors": [[0, 0, 0, 0]]})])
@pytest.mark.parametrize("id", ["none", "", "x" * 10_000, "\x00"])
def test_model_of_an_unknown_job_is_not_found(client: Client, path: str, body: Json, id: str) -> None:
    content = refused(client.post(path, json=body | {"job_id": id}))
    assert content["status"] in (404, 422)


@pytest.mark.parametrize("after", ["none", "", "x" * 10_000, "%00", "ü"])
@pytest.mark.parametrize("path", ["/jobs", "/models"])
def test_page_after_nothing_known_is_no_failure(client: Client, path: str, after: str) -> None:
    answer = client.get(f"{path}?after={after}")
    assert answer.status_code == 200 or refused(answer)


@pytest.mark.parametrize(
    "path", ["/none", "/jobs/a/none", "/models/a", "/TRAIN", "/assets/none.js", "/assets/", "/assets/%2e%2e/app.py", "/%00",
             "/assets/%00", "/assets/" + "x" * 5000, "/" + "é" * 3000, "/%ff", "/jobs/a/b/c", "/docs/x", "/" + "%01" * 900],
)  # fmt: skip
def test_unknown_path_is_not_found(client: Client, path: str) -> None:
    check_problem(client.get(path), 404)


def test_wrong_method_is_told_the_right_ones(client: Client) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in {"get", "post", "put", "patch", "delete"} - operations.keys():
            answer = client.request(method, path)
            (check_v2_error if path.startswith("/v2") else check_problem)(answer, 405, "method-not-allowed")
            allowed = {name.strip().lower() for name in answer.headers["allow"].split(",")}
            assert allowed - {"head", "options"} == operations.keys(), path


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/assets/docs.js"])
def test_wrong_method_for_what_is_not_described_is_a_problem(client: Client, path: str) -> None:
    answer = client.post(path)
    check_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


RANGES = [
    "bytes=0-9",
    "bytes=-1",
    "bytes=99999999-",
    "bytes=9-1",
    "bytes=",
    "pages=1",
    "nonsense",
    f"bytes=0-0{',0-0' * 200}",
]


@pytest.mark.parametrize("range", RANGES, ids=lambda range: range[:20])
@pytest.mark.parametrize("path", ["/", "/docs", "/assets/lab.js", "/jobs", "/metrics"])
def test_parts_of_what_is_sent_cannot_be_asked_for(client: Client, path: str, range: str) -> None:
    for method in ("GET", "HEAD") if path.startswith("/assets") else ("GET",):
        answer = client.request(method, path, headers={"Range": range})
        assert answer.status_code == 200
        assert "content-range" not in answer.headers
        assert answer.headers.get("accept-ranges", "none") == "none"
        assert answer.headers["content-type"] == client.get(path).headers["content-type"]


@pytest.mark.parametrize("key", ["k", "\x01" * 80, "😀" * 80, '"' * 80, "ü" * 80, "x" * 10_000])
@pytest.mark.parametrize("path", NUMBER)
def test_twenty_mistakes_are_told_in_few_words(client: Client, path: str, key: str) -> None:
    body = {f"{number}{key}{number}": SECRET for number in range(60)}
    content = refused(client.post(path, json=body))
    assert len(content["errors"]) == 20


def test_twenty_of_a_hundred_thousand_mistakes_are_told(client: Client) -> None:
    content = refused(client.post("/score", json={"vectors": [[SECRET]] * 100_000}))
    assert len(content["errors"]) == 20


@pytest.mark.parametrize("path", [*NUMBER, "/jobs/none/cancel"])
@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_a_body_is_refused(tmp_path: Path, path: str, chunked: bool) -> None:
    with app_client(tmp_path, workers=1, max_body_bytes=2048) as client:
        body = b'{"name": "' + b"x" * 3000 + b'"}'
        content = (body[place : place + 500] for place in range(0, len(body), 500)) if chunked else body
        answer = client.post(path, content=content, headers=JSON)
        assert "GAN1010_MAX_BODY_BYTES" in check_problem(answer, 413, "body-too-large")["detail"]


def test_body_of_the_largest_size_is_taken(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1, max_body_bytes=2048) as client:
        for chunked in (False, True):
            body = b'{"iterations": 1}'.ljust(2048)
            answer = client.post("/train", content=iter([body]) if chunked else body, headers=JSON)
            assert answer.status_code == 202


@pytest.mark.parametrize("chunked", [False, True])
def test_real_server_refuses_nine_mebibytes(server_url: str, chunked: bool) -> None:
    body = b" " * 2**20
    content = iter([body] * 9) if chunked else body * 9
    check_problem(httpx.post(f"{server_url}/score", content=content, headers=JSON), 413, "body-too-large")


def test_failure_of_ours_shows_no_trace(tmp_path: Path) -> None:
    with app_client(tmp_path, raise_app_exceptions=False) as client:
        (file,) = tmp_path.glob("*.sqlite")
        with closing(sqlite3.connect(file)) as db:
            db.execute("DROP TABLE models")
        answer = client.get("/models")
        check_problem(answer, 500, "storage-failed")
        assert str(tmp_path) not in answer.text


def test_unknown_parameter_is_no_mistake(client: Client) -> None:
    assert client.get("/jobs?unknown=1").status_code == 200


def test_who_hangs_up_is_no_failure(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
            head = "POST /train HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            connection.sendall(head.encode())
        assert client.get("/jobs").json()["data"] == []
        assert server.stop() == 0
    assert "Traceback" not in "".join(server.log)
