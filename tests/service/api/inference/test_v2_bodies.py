"""Bodies that break the rules of the Open Inference Protocol: each is refused, and nothing is a failure of ours."""

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clients import Client, app_client
from tests.support.contract import Json, train
from tests.support.inference_protocol import (
    INFER_PATH,
    JSON_LENGTH,
    VECTORS,
    binary_tensor,
    check_v2_error,
    json_tensor,
    post_infer,
    read_output,
)

VALUES = VECTORS.tobytes()
GOOD = {"inputs": [json_tensor()]}
TEXT = json.dumps(GOOD).encode()
SIZE = {"binary_data_size": len(VALUES)}
MOST_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with app_client(tmp_path_factory.mktemp("bodies"), workers=1, max_body_bytes=MOST_BYTES) as client:
        train(client, seed=4)
        yield client


@pytest.mark.parametrize(
    "length", ["-1", "+1", "1.0", "1e2", "0x10", "", "one", "\xb2", "9" * 5000, "999999999", str(len(TEXT) + 1), "1 1"]
)
def test_length_of_the_json_that_cannot_be(client: Client, length: str) -> None:
    headers = [(JSON_LENGTH.encode(), length.encode("latin-1"))]
    check_v2_error(client.post(INFER_PATH, content=TEXT, headers=headers), 400, "malformed-body")


@pytest.mark.parametrize("length", [1, len(TEXT) - 1])
def test_length_that_cuts_the_json(client: Client, length: int) -> None:
    check_v2_error(post_infer(client, GOOD, Inference_Header_Content_Length=str(length)), 400, "malformed-json")


def test_length_that_takes_in_the_values(client: Client) -> None:
    text = json.dumps({"inputs": [binary_tensor()]})
    answer = post_infer(client, {"inputs": [binary_tensor()]}, VALUES, **{JSON_LENGTH: str(len(text) + 4)})
    check_v2_error(answer, 400, "malformed-json")


@pytest.mark.parametrize("values", [b"", VALUES[:-1], VALUES[:-4], VALUES + b"\0", VALUES + VALUES])
def test_values_that_are_not_as_many_bytes_as_they_say(client: Client, values: bytes) -> None:
    text = json.dumps({"inputs": [binary_tensor()]}).encode()
    answer = client.post(INFER_PATH, content=text + values, headers={JSON_LENGTH: str(len(text))})
    check_v2_error(answer, 400, "malformed-body")


def test_values_that_no_input_has(client: Client) -> None:
    check_v2_error(post_infer(client, GOOD, VALUES), 400, "malformed-body")


@pytest.mark.parametrize("size", [-32, 0, 1, 31, 33, 64, 32.0, "32", True, None, [32], {}, 2**64, 10**400])
def test_size_that_is_not_the_shape_s(client: Client, size: Any) -> None:
    given = binary_tensor(parameters={"binary_data_size": size})
    check_v2_error(post_infer(client, {"inputs": [given]}, VALUES), 422, "invalid-input")


@pytest.mark.parametrize(
    "change",
    [
        *({"datatype": name} for name in ("FP64", "FP16", "BF16", "INT64", "BYTES", "BOOL", "fp32", "", 1, None)),
        *(
            {"shape": shape}
            for shape in (
                [], [2], [8], [2, 4, 1], [4, 2], [2, 3], [2, 5], [0, 4], [-2, 4], [2, -4], [-1, 4], [True, 4], [2.5, 4],
                ["2", 4], [2**62, 4], [2**64, 4], [10**400, 4], [100_001, 4], [2, 2**63], 8, None, [None, 4], {},
            )
        ),
        *({"name": name} for name in ("seed", "score", "", "Vector", None, 1)),
        *({"parameters": value} for value in ([], 1, {"shared_memory_region": "a"}, SIZE)),
    ],
)  # fmt: skip
def test_tensor_that_is_not_the_model_s(client: Client, change: Json) -> None:
    check_v2_error(post_infer(client, {"inputs": [json_tensor() | change]}), 422)
    if change.keys() != {"parameters"}:
        check_v2_error(post_infer(client, {"inputs": [binary_tensor() | change]}, VALUES), 422)


@pytest.mark.parametrize(
    "data",
    [
        [], [1] * 7, [1] * 9, [[1] * 4], [[1] * 4] * 3, [[1] * 3, [1] * 5], [[1] * 4, [1] * 4, []], [[1] * 8],
        [[[1] * 4, [1] * 4]], [1, 1, 1, 1, [1, 1, 1, 1]], [[1] * 4, 1, 1, 1, 1], [[], []], ["1"] * 8, [True] * 8,
        [None] * 8, [1] * 7 + ["1"], [{}] * 8, {}, "12345678", 8, [10**400] * 8, [1e39] * 8, [-1e39] * 8,
        [[1, 1, 1, 1], [1, 1, 1, float("nan")]], [float("inf")] * 8, [float("-inf")] + [0] * 7, [2**128] * 8,
    ],
)  # fmt: skip
def test_data_that_is_not_rows_of_finite_numbers(client: Client, data: Any) -> None:
    check_v2_error(post_infer(client, {"inputs": [json_tensor(data=data)]}), 422, "invalid-input")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(client: Client, number: float) -> None:
    rows = VECTORS.copy()
    rows[1, 2] = number
    check_v2_error(post_infer(client, {"inputs": [binary_tensor(rows)]}, rows.tobytes()), 422, "invalid-input")


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": []},
        {"inputs": [json_tensor(), json_tensor()]},
        {"inputs": [json_tensor(), json_tensor(name="other")]},
        {"inputs": None},
        {"inputs": json_tensor()},
        {"inputs": ["vector"]},
        {"outputs": [{"name": "sample"}]},
        {"outputs": [{"name": "score"}, {"name": "score"}]},
        {"outputs": [{}]},
        {"outputs": ["score"]},
        {"outputs": {"name": "score"}},
        {"outputs": [{"name": "score", "parameters": {"classification": 1}}]},
        {"outputs": [{"name": "score", "parameters": {"shared_memory_region": "a"}}]},
        *({"outputs": [{"name": "score", "parameters": {"binary_data": value}}]} for value in (1, "true", None, [])),
        *({"parameters": {"binary_data_output": value}} for value in (1, "true", None, [])),
        *({"id": value} for value in (1, True, [], {}, 1.5)),
        *({"parameters": value} for value in (1, "a", [])),
    ],
)
def test_request_that_is_none(client: Client, change: Json) -> None:
    check_v2_error(post_infer(client, GOOD | change), 422, "invalid-input")


def test_null_parameters_are_none(client: Client) -> None:
    request = {
        "parameters": None,
        "inputs": [json_tensor() | {"parameters": None}],
        "outputs": [{"name": "score", "parameters": None}],
    }
    assert post_infer(client, request).json()["outputs"][0]["shape"] == [2, 1]


@pytest.mark.parametrize("content", [[], None, 1, "a", {}, {"inputs": [{}]}])
def test_json_that_is_no_request(client: Client, content: Any) -> None:
    check_v2_error(post_infer(client, content), 422, "invalid-input")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"\xff", b"{}{}", TEXT[:-1], TEXT + b"x", b'{"id": "\\ud800", "inputs": []}',
        b'{"inputs": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", TEXT.replace(b"[2,", b"[" + b"9" * 5000 + b","),
        TEXT.replace(b"[2, 4]", b"[2, 4" + b"0" * 5000 + b"]"), TEXT.decode().encode("utf-16"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_json(client: Client, text: bytes) -> None:
    answer = client.post(INFER_PATH, content=text)
    assert answer.status_code in (400, 422)
    check_v2_error(answer, answer.status_code)


@pytest.mark.parametrize("size", [1, 15, 17])
def test_raw_request_of_a_part_of_a_row(client: Client, size: int) -> None:
    check_v2_error(client.post(INFER_PATH, content=b"\0" * size, headers={JSON_LENGTH: "0"}), 400, "malformed-body")


def test_raw_request_without_a_row(client: Client) -> None:
    check_v2_error(client.post(INFER_PATH, headers={JSON_LENGTH: "0"}), 400)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "GZIP", " deflate "])
def test_compressed_body_is_read(client: Client, coding: str) -> None:
    compress = gzip.compress if "gzip" in coding.lower() else zlib.compress
    text = json.dumps({"inputs": [binary_tensor()]}).encode()
    headers = {"content-encoding": coding, JSON_LENGTH: str(len(text))}
    answer = client.post(INFER_PATH, content=compress(text + VALUES), headers=headers)
    assert read_output(answer).tolist() == read_output(post_infer(client, GOOD)).tolist()


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        b"",
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT) + b"x",
        gzip.compress(TEXT) * 2,
        b"\x1f\x8b" + b"\0" * 20,
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_body_that_is_not_of_its_coding(client: Client, body: bytes, coding: str) -> None:
    check_v2_error(client.post(INFER_PATH, content=body, headers={"content-encoding": coding}), 400, "malformed-body")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x", "gzip;q=1"])
def test_coding_that_is_not_read(client: Client, coding: str) -> None:
    check_v2_error(
        client.post(INFER_PATH, content=TEXT, headers={"content-encoding": coding}), 415, "wrong-content-type"
    )


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_bomb_is_refused(client: Client, compress: Any) -> None:
    coding = "gzip" if compress is gzip.compress else "deflate"
    bomb = compress(b" " * 40_000_000)
    assert len(bomb) < MOST_BYTES
    check_v2_error(client.post(INFER_PATH, content=bomb, headers={"content-encoding": coding}), 413, "body-too-large")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "binary_data_output", "classification", "x"]),
    st.sampled_from([0, 16, 32, True, False]) | JSON,
    max_size=2,
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["vector", "seed"]) | JSON,
        "shape": st.lists(st.sampled_from([0, 1, 2, 4, -1, 2**63]), max_size=3) | JSON,
        "datatype": st.sampled_from(["FP32", "BYTES"]) | JSON,
    },
    optional={"parameters": PARAMETERS | JSON, "data": st.lists(st.floats() | st.integers(), max_size=8) | JSON},
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=2)},
    optional={
        "id": JSON,
        "parameters": PARAMETERS | JSON,
        "outputs": st.lists(st.fixed_dictionaries({"name": st.just("score")}, optional={"parameters": PARAMETERS}))
        | JSON,
    },
)


@given(content=REQUESTS | JSON, values=st.binary(max_size=40), off=st.integers(-3, 3))
@settings(max_examples=300)
def test_any_request_is_answered(client: Client, content: Any, values: bytes, off: int) -> None:
    text = json.dumps(content).encode("utf-8", "surrogatepass")
    answer = client.post(INFER_PATH, content=text + values, headers={JSON_LENGTH: str(len(text) + off)})
    assert answer.status_code < 500
    if answer.status_code >= 400:
        check_v2_error(answer, answer.status_code)


@given(
    body=st.binary(max_size=60) | st.binary(max_size=60).map(gzip.compress) | st.just(gzip.compress(TEXT)),
    headers=st.dictionaries(
        st.sampled_from([JSON_LENGTH.lower(), "content-encoding", "content-type", "accept-encoding"]),
        st.sampled_from(["0", "16", "gzip", "deflate", "identity", ""])
        | st.text(st.characters(max_codepoint=255), max_size=9),
    ),
)
@settings(max_examples=200)
def test_any_bytes_are_answered(client: Client, body: bytes, headers: dict[str, str]) -> None:
    fields = [(name.encode(), value.encode("latin-1").strip()) for name, value in headers.items()]
    answer = client.post(INFER_PATH, content=body, headers=fields)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        check_v2_error(answer, answer.status_code)


@given(rows=st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=5))
@settings(max_examples=100)
def test_any_numbers_are_answered(client: Client, rows: list[bytes]) -> None:
    finite = all(np.isfinite(struct.unpack("<4f", row)).all() for row in rows)
    answer = client.post(INFER_PATH, content=b"".join(rows), headers={JSON_LENGTH: "0"})
    assert answer.status_code == (200 if finite else 422)
