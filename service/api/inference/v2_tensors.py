"""Tensors of the Open Inference Protocol: decode inference requests and encode inference responses.

A body is JSON. Tensors with a `binary_data_size` follow it as little-endian bytes, and a header has the length of the
JSON (the binary tensor data extension). A length of 0 makes a raw binary request: nothing but the input's bytes.
"""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import orjson
from fastapi import Response

from gan1010.types import Array, Float32s
from service.api.limits import MAX_ROWS
from service.api.responses import BINARY, json_response
from service.api.schemas.v2 import InferRequest, InputIn
from service.errors import InvalidInputError, MalformedBodyError

JSON_LENGTH = "Inference-Header-Content-Length"
MAX_JSON_LENGTH_DIGITS = 10
DATATYPE, FLOAT32 = "FP32", np.dtype("<f4")
UNSUPPORTED_PARAMETERS = ("classification", "shared_memory_region")  # ignoring them would make the response wrong


class TensorSpec(NamedTuple):
    """An input or output of a model: [-1, width] float32 numbers."""

    name: str
    width: int


class DecodedRequest(NamedTuple):
    """A checked inference request."""

    id: str | None
    rows: Array  # (n, width) of float32, or of float64 that the model converts
    binary_output: bool


def decode_request(
    body: bytes, json_length: str | None, input_spec: TensorSpec, output_spec: TensorSpec
) -> DecodedRequest:
    """Decode an inference request.

    Raises:
        MalformedBodyError: the JSON and the bytes do not add up to the body.
        ValidationError: the JSON is not an inference request.
        InvalidInputError: the tensors are not those of the model.
    """
    length = _parse_json_length(json_length, len(body))
    if length == 0 and body:
        return DecodedRequest(id=None, rows=_raw_rows(body, input_spec), binary_output=True)
    request = InferRequest.__pydantic_validator__.validate_json(body[:length])  # faster than model_validate_json
    values = memoryview(body)[length:]
    if [tensor.name for tensor in request.inputs] != [input_spec.name]:
        raise InvalidInputError(f"The model takes one input, {input_spec.name}.", "inputs")
    rows = _decode_rows(request.inputs[0], values, input_spec)
    return DecodedRequest(id=request.id, rows=rows, binary_output=_wants_binary(request, output_spec))


def encode_response(head: dict[str, Any], spec: TensorSpec, values: Float32s, *, binary: bool) -> Response:
    """Encode an inference response, as JSON or with the values (n,) or (n, width) as bytes after it."""
    output: dict[str, Any] = {"name": spec.name, "datatype": DATATYPE, "shape": (len(values), spec.width)}
    if not binary:
        return json_response({**head, "outputs": [{**output, "data": values.reshape(-1)}]})
    output["parameters"] = {"binary_data_size": values.nbytes}
    text = orjson.dumps({**head, "outputs": [output]})
    content = text + values.astype(FLOAT32, copy=False).tobytes()
    return Response(content, headers={JSON_LENGTH: str(len(text))}, media_type=BINARY)


def _parse_json_length(header: str | None, body_length: int) -> int:
    if header is None:
        return body_length
    if not (header.isascii() and header.isdigit() and len(header) <= MAX_JSON_LENGTH_DIGITS):
        raise MalformedBodyError(f"{JSON_LENGTH} must be the length of the body's JSON in bytes.")
    if int(header) > body_length:
        raise MalformedBodyError(f"{JSON_LENGTH} is more than the {body_length:,} bytes of the body.")
    return int(header)


def _raw_rows(body: bytes, spec: TensorSpec) -> Float32s:
    rows, rest = divmod(len(body), spec.width * FLOAT32.itemsize)
    if rest:
        raise MalformedBodyError(
            f"A raw binary request must be whole rows, each of {spec.width * FLOAT32.itemsize} bytes."
        )
    return np.frombuffer(body, FLOAT32).reshape(_check_row_count(rows), spec.width)


def _decode_rows(tensor: InputIn, values: memoryview, spec: TensorSpec) -> Array:
    if tensor.datatype != DATATYPE:
        raise InvalidInputError(f"The input {spec.name} is {DATATYPE}.", "inputs", 0, "datatype")
    if len(tensor.shape) != 2 or tensor.shape[1] != spec.width:
        raise InvalidInputError(f"The input {spec.name} is of shape [-1, {spec.width}].", "inputs", 0, "shape")
    shape = _check_row_count(tensor.shape[0]), spec.width
    _check_parameters(tensor.parameters, "inputs", 0, "parameters")
    size = tensor.parameters.get("binary_data_size")
    if (size is None) == (tensor.data is None):
        raise InvalidInputError("Send either `data`, or bytes after the JSON with `binary_data_size`.", "inputs", 0)
    if size is None:
        if values:
            raise MalformedBodyError(f"{len(values):,} bytes follow the JSON, but no input has a binary_data_size.")
        return _rows_from_json(tensor.data or [], shape)
    needed = shape[0] * shape[1] * FLOAT32.itemsize
    if type(size) is not int or size != needed:
        detail = f"This shape needs {needed:,} bytes."
        raise InvalidInputError(detail, "inputs", 0, "parameters", "binary_data_size")
    if len(values) != size:
        raise MalformedBodyError(f"{len(values):,} bytes follow the JSON, but binary_data_size is {size:,}.")
    rows: Float32s = np.frombuffer(values, FLOAT32).reshape(shape)
    return rows


def _rows_from_json(data: list[Any], shape: tuple[int, int]) -> Array:
    """Build the rows from numbers, flat or nested."""
    if data and type(data[0]) is list:
        if any(type(row) is not list or len(row) != shape[1] for row in data):
            raise InvalidInputError(f"Each row needs {shape[1]} numbers.", "inputs", 0, "data")
        data = list(chain.from_iterable(data))
    if len(data) != shape[0] * shape[1]:
        raise InvalidInputError(f"This shape needs {shape[0] * shape[1]:,} numbers.", "inputs", 0, "data")
    if not set(map(type, data)) <= {int, float}:
        raise InvalidInputError("Send only numbers.", "inputs", 0, "data")
    try:
        return np.array(data, np.float64).reshape(shape)
    except OverflowError:
        raise InvalidInputError("A number is too large for FP32.", "inputs", 0, "data") from None


def _check_row_count(rows: int) -> int:
    if not 1 <= rows <= MAX_ROWS:
        raise InvalidInputError(f"Send 1 to {MAX_ROWS:,} rows.", "inputs", 0, "shape")
    return rows


def _wants_binary(request: InferRequest, spec: TensorSpec) -> bool:
    default = _flag(request.parameters, "binary_data_output", default=False)
    if not request.outputs:
        return default
    if [output.name for output in request.outputs] != [spec.name]:
        raise InvalidInputError(f"The model has one output, {spec.name}.", "outputs")
    parameters = request.outputs[0].parameters
    _check_parameters(parameters, "outputs", 0, "parameters")
    return _flag(parameters, "binary_data", default, "outputs", 0)


def _flag(parameters: dict[str, Any], name: str, default: bool, *loc: str | int) -> bool:
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise InvalidInputError(f"{name} must be true or false.", *loc, "parameters", name)
    return value


def _check_parameters(parameters: dict[str, Any], *loc: str | int) -> None:
    for name in UNSUPPORTED_PARAMETERS:
        if name in parameters:
            raise InvalidInputError(f"{name} is not supported. GET /v2 lists the supported extensions.", *loc, name)
