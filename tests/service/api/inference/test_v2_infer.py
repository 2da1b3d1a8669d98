"""Inference by the Open Inference Protocol: tensors as JSON and as bytes, and bodies that break its rules."""

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clients import Client, app_client
from tests.support.contract import Json, content_type, train
from tests.support.inference_protocol import (
    INFER_PATH,
    JSON_LENGTH,
    VECTORS,
    binary_tensor,
    check_v2_error,
    json_tensor,
    post_infer,
    read_output,
    scores,
)

VALUES = VECTORS.tobytes()
REQUEST = {"inputs": [json_tensor()]}
TEXT = json.dumps(REQUEST).encode()
BINARY_REQUEST = {"inputs": [binary_tensor()]}
BINARY_TEXT = json.dumps(BINARY_REQUEST).encode()
BINARY_OUTPUT = {"parameters": {"binary_data_output": True}}
MAX_BODY_BYTES = 2**20


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with app_client(tmp_path_factory.mktemp("infer"), workers=1, max_body_bytes=MAX_BODY_BYTES) as client:
        train(client, pattern="110", hidden_size=5, iterations=500, seed=1)
        train(client, seed=4)
        yield client


def infer_bytes(client: Client, body: bytes, json_length: object) -> httpx.Response:
    headers = [(JSON_LENGTH.encode(), str(json_length).encode("latin-1"))]
    return client.post(INFER_PATH, content=body, headers=headers)


def infer_encoded(client: Client, body: bytes, coding: str) -> httpx.Response:
    return client.post(INFER_PATH, content=body, headers={"content-encoding": coding})


@pytest.mark.parametrize("output", [{}, BINARY_OUTPUT])
@pytest.mark.parametrize("tensor", [json_tensor(), json_tensor(data=VECTORS.tolist()), binary_tensor()])
def test_tensors_are_json_or_bytes_both_ways(client: Client, tensor: Json, output: Json) -> None:
    response = post_infer(client, {"inputs": [tensor], **output}, b"" if "data" in tensor else VALUES)
    assert read_output(response).tolist() == scores(client)
    assert content_type(response) == ("application/octet-stream" if output else "application/json")
    assert (JSON_LENGTH in response.headers) == bool(output)


@pytest.mark.parametrize(
    ("all_binary", "own", "is_binary"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True), (None, True, True)],
)
def test_outputs_own_parameter_overrides_the_requests(
    client: Client, all_binary: bool | None, own: bool | None, is_binary: bool
) -> None:
    output: Json = {"name": "score"} | ({} if own is None else {"parameters": {"binary_data": own}})
    parameters = {} if all_binary is None else {"parameters": {"binary_data_output": all_binary}}
    response = post_infer(client, REQUEST | {"outputs": [output]} | parameters)
    assert read_output(response).tolist() == scores(client)
    assert (JSON_LENGTH in response.headers) == is_binary


def test_raw_binary_request_has_only_numbers(client: Client) -> None:
    response = infer_bytes(client, VALUES, 0)
    assert read_output(response).tolist() == scores(client)
    assert JSON_LENGTH in response.headers


def test_version_is_a_job(client: Client) -> None:
    latents = np.array([[0.5], [0.25]], np.float32)
    for job in client.get("/jobs").json()["data"]:
        path = f"/v2/models/generator/versions/{job['id']}/infer"
        response = post_infer(client, {"inputs": [json_tensor(latents, "seed")]}, path=path)
        assert (response.json()["model_name"], response.json()["model_version"]) == ("generator", job["id"])
        samples = client.get("/sample", params={"seed": [0.5, 0.25], "job_id": job["id"]}).json()["samples"]
        assert read_output(response).tolist() == np.array(samples, np.float32).tolist()


@pytest.mark.parametrize("id", ["", "42", "an id\n\u2028\U0001f600"])
def test_id_is_returned(client: Client, id: str) -> None:
    assert post_infer(client, {"id": id, **REQUEST}).json()["id"] == id
    assert "id" not in post_infer(client, REQUEST).json()


def test_unknown_fields_parameters_and_content_types_are_ignored(client: Client) -> None:
    request = {"model_name": "discriminator", "inputs": [json_tensor(parameters={"content_type": "np"})], "outputs": []}
    request |= {"parameters": {"priority": 1, "timeout": 5}}
    assert read_output(post_infer(client, request, content_type="text/plain")).tolist() == scores(client)


def test_null_parameters_are_empty(client: Client) -> None:
    tensor, output = json_tensor(parameters=None), {"name": "score", "parameters": None}
    response = post_infer(client, {"parameters": None, "inputs": [tensor], "outputs": [output]})
    assert read_output(response).shape == (2, 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_long_responses_are_compressed_on_request(client: Client, coding: str) -> None:
    rows = np.tile(VECTORS, (500, 1))
    for output in ({}, BINARY_OUTPUT):
        request = {"inputs": [binary_tensor(rows)], **output}
        response = post_infer(client, request, rows.tobytes(), accept_encoding=coding)
        assert response.headers["content-encoding"] == coding
        assert read_output(response).tolist() == scores(client, rows)
    for accepted in ("identity", "br", f"{coding};q=0", ""):
        response = post_infer(client, request, rows.tobytes(), accept_encoding=accepted)
        assert "content-encoding" not in response.headers
    assert "content-encoding" not in post_infer(client, REQUEST, accept_encoding=coding).headers


@pytest.mark.parametrize("coding", ["gzip", "deflate", "GZIP", " deflate "])
def test_compressed_request_is_decoded(client: Client, coding: str) -> None:
    compress = gzip.compress if "gzip" in coding.lower() else zlib.compress
    headers = {"content-encoding": coding, JSON_LENGTH: str(len(BINARY_TEXT))}
    response = client.post(INFER_PATH, content=compress(BINARY_TEXT + VALUES), headers=headers)
    assert read_output(response).tolist() == scores(client)


MALFORMED_BODIES: list[tuple[bytes, object, str]] = [  # a body, the declared length of its JSON, the type of the error
    *(
        (TEXT, length, "malformed-body")
        for length in (
            "-1",
            "+1",
            "1.0",
            "1e2",
            "0x10",
            "",
            "one",
            "\xb2",
            "9" * 5000,
            "999999999",
            len(TEXT) + 1,
            "1 1",
        )
    ),
    (TEXT + VALUES, len(TEXT), "malformed-body"),
    *(
        (BINARY_TEXT + values, len(BINARY_TEXT), "malformed-body")
        for values in (b"", VALUES[:-1], VALUES[:-4], VALUES + b"\0", VALUES + VALUES)
    ),
    *((bytes(size), 0, "malformed-body") for size in (1, 15, 17)),
    *((TEXT, length, "malformed-json") for length in (1, len(TEXT) - 1)),
    (BINARY_TEXT + VALUES, len(BINARY_TEXT) + 4, "malformed-json"),
    (b"", 0, "malformed-json"),
]


@pytest.mark.parametrize(("body", "json_length", "type"), MALFORMED_BODIES)
def test_body_that_does_not_match_the_length_of_its_json(
    client: Client, body: bytes, json_length: object, type: str
) -> None:
    check_v2_error(infer_bytes(client, body, json_length), 400, type)


INVALID_FIELDS: dict[str, list[Any]] = {
    "datatype": ["FP64", "FP16", "BF16", "INT64", "BYTES", "BOOL", "fp32", "", 1, None],
    "shape": [
        [], [2], [8], [2, 4, 1], [4, 2], [2, 3], [2, 5], [0, 4], [-2, 4], [2, -4], [-1, 4], [True, 4], [2.5, 4],
        ["2", 4], [2**62, 4], [2**64, 4], [10**400, 4], [100_001, 4], [2, 2**63], 8, None, [None, 4], {},
    ],
    "name": ["seed", "score", "", "Vector", None, 1],
}  # fmt: skip
INVALID_DATA: list[Any] = [
    [], [1] * 7, [1] * 9, [[1] * 4], [[1] * 4] * 3, [[1] * 3, [1] * 5], [[1] * 4, [1] * 4, []], [[1] * 8],
    [[[1] * 4, [1] * 4]], [1, 1, 1, 1, [1, 1, 1, 1]], [[1] * 4, 1, 1, 1, 1], [[], []], ["1"] * 8, [True] * 8,
    [None] * 8, [1] * 7 + ["1"], [{}] * 8, {}, "12345678", 8, [10**400] * 8, [1e39] * 8, [-1e39] * 8,
    [[1, 1, 1, 1], [1, 1, 1, float("nan")]], [float("inf")] * 8, [float("-inf")] + [0] * 7, [2**128] * 8,
]  # fmt: skip
INVALID_SIZES: list[Any] = [-32, 0, 1, 31, 33, 64, 32.0, "32", True, None, [32], {}, 2**64, 10**400]
INVALID_TENSORS = [
    *((json_tensor(**{name: value}), b"") for name, values in INVALID_FIELDS.items() for value in values),
    *((binary_tensor(**{name: value}), VALUES) for name, values in INVALID_FIELDS.items() for value in values),
    *((json_tensor(parameters=it), b"") for it in ([], 1, {"shared_memory_region": "a"}, {"binary_data_size": 32})),
    *((json_tensor(data=data), b"") for data in INVALID_DATA),
    *((binary_tensor(parameters={"binary_data_size": size}), VALUES) for size in INVALID_SIZES),
    *((binary_tensor(), np.float32([0, 0, 0, 0, 0, 0, it, 0]).tobytes()) for it in (np.nan, np.inf, -np.inf)),
]
INVALID_REQUESTS: list[Json] = [
    *({"inputs": value} for value in ([], [json_tensor()] * 2, [json_tensor(), json_tensor(name="other")])),
    *({"inputs": value} for value in (None, json_tensor(), ["vector"])),
    *({"outputs": value} for value in ([{"name": "sample"}], [{"name": "score"}] * 2, [{}], ["score"])),
    {"outputs": {"name": "score"}},
    {"outputs": [{"name": "score", "parameters": {"classification": 1}}]},
    {"outputs": [{"name": "score", "parameters": {"shared_memory_region": "a"}}]},
    *({"outputs": [{"name": "score", "parameters": {"binary_data": value}}]} for value in (1, "true", None, [])),
    *({"parameters": {"binary_data_output": value}} for value in (1, "true", None, [])),
    *({"id": value} for value in (1, True, [], {}, 1.5)),
    *({"parameters": value} for value in (1, "a", [])),
]


@pytest.mark.parametrize(
    ("changes", "values"),
    [*(({"inputs": [tensor]}, values) for tensor, values in INVALID_TENSORS), *((it, b"") for it in INVALID_REQUESTS)],
)
def test_invalid_request(client: Client, changes: Json, values: bytes) -> None:
    check_v2_error(post_infer(client, REQUEST | changes, values), 422, "invalid-input")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"{}{}", TEXT[:-1], TEXT + b"x", b'{"id": "\\ud800", "inputs": []}',
        b'{"inputs": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", TEXT.replace(b"[2,", b"[" + b"9" * 5000 + b","),
        TEXT.replace(b"[2, 4]", b"[2, 4" + b"0" * 5000 + b"]"), TEXT.decode().encode("utf-16"),
        b"[]", b"null", b"1", b'"a"', b"{}", b'{"inputs": [{}]}',
    ],
)  # fmt: skip
def test_body_that_is_no_json_or_no_request(client: Client, body: bytes) -> None:
    response = client.post(INFER_PATH, content=body)
    check_v2_error(response, 422 if response.status_code == 422 else 400)


BAD_GZIP = [gzip.compress(TEXT)[:-1], gzip.compress(TEXT) + b"x", gzip.compress(TEXT) * 2, b"\x1f\x8b" + bytes(20)]
BOMB = b" " * (4 * MAX_BODY_BYTES)


@pytest.mark.parametrize(
    ("body", "coding", "status", "type"),
    [
        *((body, "gzip", 400, "malformed-body") for body in (TEXT, b"", *BAD_GZIP)),
        *((body, "deflate", 400, "malformed-body") for body in (TEXT, b"", *BAD_GZIP)),
        *((TEXT, coding, 415, "wrong-content-type") for coding in ("br", "zstd", "gzip, gzip", "x", "gzip;q=1")),
        (gzip.compress(BOMB), "gzip", 413, "body-too-large"),
        (zlib.compress(BOMB), "deflate", 413, "body-too-large"),
    ],
)
def test_body_in_a_wrong_coding(client: Client, body: bytes, coding: str, status: int, type: str) -> None:
    check_v2_error(infer_encoded(client, body, coding), status, type)


PARAMETERS = ["binary_data_size", "binary_data", "binary_data_output", "classification", "x"]
LIKELY = [0, 2, 4, 32, -1, 2**63, "vector", "score", "FP32", [2, 4], [0] * 8, [{"name": "score"}]]
NUMBERS = st.integers() | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(st.characters(), max_size=8) | st.sampled_from(LIKELY)
FIELD_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(PARAMETERS), inner, max_size=2),
    max_leaves=8,
)
TENSOR_CHANGES = st.dictionaries(st.sampled_from(list(json_tensor(parameters={}))), FIELD_VALUES, max_size=3)
REQUEST_CHANGES = st.dictionaries(st.sampled_from(["id", "parameters", "inputs", "outputs"]), FIELD_VALUES, max_size=2)


@given(tensor=TENSOR_CHANGES, request=REQUEST_CHANGES, values=st.binary(max_size=40), offset=st.integers(-3, 3))
@settings(max_examples=300)
def test_any_request_gets_a_response(client: Client, tensor: Json, request: Json, values: bytes, offset: int) -> None:
    text = json.dumps({"inputs": [json_tensor() | tensor], **request}).encode("utf-8", "surrogatepass")
    check_valid_response(infer_bytes(client, text + values, len(text) + offset))


@given(
    body=st.binary(max_size=60) | st.binary(max_size=60).map(gzip.compress) | st.just(gzip.compress(TEXT)),
    headers=st.dictionaries(
        st.sampled_from([JSON_LENGTH.lower(), "content-encoding", "content-type", "accept-encoding"]),
        st.sampled_from(["0", "16", "gzip", "deflate", ""]) | st.text(st.characters(max_codepoint=255), max_size=9),
    ),
)
@settings(max_examples=200)
def test_any_bytes_get_a_response(client: Client, body: bytes, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode("latin-1").strip()) for name, value in headers.items()]
    check_valid_response(client.post(INFER_PATH, content=body, headers=encoded))


def check_valid_response(response: httpx.Response) -> None:
    assert response.status_code < 500
    if response.status_code >= 400:
        check_v2_error(response, response.status_code)


@given(rows=st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=5))
@settings(max_examples=100)
def test_any_finite_numbers_are_scored(client: Client, rows: list[bytes]) -> None:
    finite = all(np.isfinite(struct.unpack("<4f", row)).all() for row in rows)
    response = infer_bytes(client, b"".join(rows), 0)
    assert response.status_code == (200 if finite else 422)
