"""Tensors of the Open Inference Protocol, as JSON or as bytes behind it: out of a request's body, into an answer's.

A body is JSON, and its header says how long that is where bytes follow it: the values of the tensors that have a
`binary_data_size`, little-endian, one after the other (the binary tensor data extension).
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson

from gan1010.types import Float32s
from service.api.limits import MAX_ROWS
from service.api.schemas.v2 import InferRequest, InputIn, OutputWanted
from service.errors import InvalidInputError, MalformedBodyError

JSON_LENGTH = "Inference-Header-Content-Length"
DATATYPE, BYTES_A_NUMBER = "FP32", 4
LONGEST_LENGTH = 10  # digits
NOT_HERE = ("classification", "shared_memory_region")  # parameters that would change the answer


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """What a model takes or answers: rows of so many float32 numbers."""

    name: str
    width: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a model."""

    id: str | None
    rows: Float32s  # (n, width)
    binary: bool  # the answer's tensor as bytes


def read_question(body: bytes, json_length: str | None, takes: TensorSpec, answers: TensorSpec) -> Question:
    """What a body asks.

    Raises:
        MalformedBodyError: JSON and bytes are not where they should be.
        ValidationError: the JSON is not a request.
        InvalidInputError: the tensors are not those of the model.
    """
    length = _json_length(json_length, len(body))
    if length == 0 and body:  # a raw binary request: all that the model takes
        return Question(id=None, rows=_raw_rows(body, takes), binary=True)
    request, values = InferRequest.model_validate_json(body[:length]), memoryview(body)[length:]
    if [tensor.name for tensor in request.inputs] != [takes.name]:
        raise InvalidInputError(f"the model takes one input, {takes.name}", "inputs")
    rows = _rows(request.inputs[0], values, takes)
    return Question(id=request.id, rows=rows, binary=_wants_binary(request, answers))


def answer_body(head: dict[str, Any], spec: TensorSpec, rows: Float32s, *, binary: bool) -> tuple[bytes, int | None]:
    """An answer's body, and the length of its JSON where bytes follow that."""
    output: dict[str, Any] = {"name": spec.name, "datatype": DATATYPE, "shape": rows.shape}
    if not binary:
        output["data"] = rows.reshape(-1)
        return orjson.dumps({**head, "outputs": [output]}, option=orjson.OPT_SERIALIZE_NUMPY), None
    output["parameters"] = {"binary_data_size": rows.nbytes}
    text = orjson.dumps({**head, "outputs": [output]})
    return text + rows.astype("<f4", copy=False).tobytes(), len(text)


def _json_length(declared: str | None, size: int) -> int:
    if declared is None:
        return size
    if not (declared.isascii() and declared.isdigit() and len(declared) <= LONGEST_LENGTH):
        raise MalformedBodyError(f"{JSON_LENGTH} must be the length of the body's JSON, in bytes")
    if int(declared) > size:
        raise MalformedBodyError(f"{JSON_LENGTH} is more than the {size:,} bytes of the body")
    return int(declared)


def _raw_rows(body: bytes, takes: TensorSpec) -> Float32s:
    rows, rest = divmod(len(body), takes.width * BYTES_A_NUMBER)
    if rest:
        raise MalformedBodyError(
            f"a raw binary request is rows of {takes.width} {DATATYPE} numbers, and no part of one"
        )
    return _from_bytes(body, (_checked_count(rows), takes.width))


def _rows(tensor: InputIn, values: memoryview, takes: TensorSpec) -> Float32s:
    """The input's numbers, (n, width)."""
    if tensor.datatype != DATATYPE:
        raise InvalidInputError(f"{takes.name} is {DATATYPE}", "inputs", 0, "datatype")
    if len(tensor.shape) != 2 or tensor.shape[1] != takes.width:
        raise InvalidInputError(f"{takes.name} is of shape [-1, {takes.width}]", "inputs", 0, "shape")
    shape = _checked_count(tensor.shape[0]), takes.width
    _check_parameters(tensor.parameters, "inputs", 0, "parameters")
    size = tensor.parameters.get("binary_data_size")
    if (size is None) == (tensor.data is None):
        raise InvalidInputError("give the numbers as `data`, or as bytes with `binary_data_size`", "inputs", 0)
    if size is None:
        if values:
            raise MalformedBodyError(
                f"{len(values):,} bytes follow the JSON, which no input has as its binary_data_size"
            )
        return _from_json(tensor.data or [], shape)
    needed = shape[0] * shape[1] * BYTES_A_NUMBER
    if type(size) is not int or size != needed:
        raise InvalidInputError(f"of this shape it is {needed:,} bytes", "inputs", 0, "parameters", "binary_data_size")
    if len(values) != size:
        raise MalformedBodyError(f"{len(values):,} bytes follow the JSON, not the {size:,} of binary_data_size")
    return _from_bytes(values, shape)


def _from_bytes(values: bytes | memoryview, shape: tuple[int, int]) -> Float32s:
    rows: Float32s = np.frombuffer(values, "<f4").reshape(shape)
    return rows


def _from_json(data: list[Any], shape: tuple[int, int]) -> Float32s:
    """Numbers, flat or in rows."""
    if data and type(data[0]) is list:
        if any(type(row) is not list or len(row) != shape[1] for row in data):
            raise InvalidInputError(f"each row has {shape[1]} numbers", "inputs", 0, "data")
        data = list(chain.from_iterable(data))
    if len(data) != shape[0] * shape[1]:
        raise InvalidInputError(f"of this shape it is {shape[0] * shape[1]:,} numbers", "inputs", 0, "data")
    if not set(map(type, data)) <= {int, float}:
        raise InvalidInputError("give numbers and nothing else", "inputs", 0, "data")
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
            return np.fromiter(data, np.float64, len(data)).astype(np.float32).reshape(shape)
    except OverflowError:
        raise InvalidInputError("a number is too large for FP32", "inputs", 0, "data") from None


def _checked_count(rows: int) -> int:
    if not 1 <= rows <= MAX_ROWS:
        raise InvalidInputError(f"give 1 to {MAX_ROWS:,} rows", "inputs", 0, "shape")
    return rows


def _wants_binary(request: InferRequest, answers: TensorSpec) -> bool:
    default = _flag(request.parameters, "binary_data_output", default=False)
    if not request.outputs:
        return default
    if [wanted.name for wanted in request.outputs] != [answers.name]:
        raise InvalidInputError(f"the model answers one output, {answers.name}", "outputs")
    return _output_wants_binary(request.outputs[0], default)


def _output_wants_binary(wanted: OutputWanted, default: bool) -> bool:
    _check_parameters(wanted.parameters, "outputs", 0, "parameters")
    return _flag(wanted.parameters, "binary_data", default, "outputs", 0)


def _flag(parameters: dict[str, Any], name: str, default: bool, *loc: str | int) -> bool:
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise InvalidInputError(f"{name} is true or false", *loc, "parameters", name)
    return value


def _check_parameters(parameters: dict[str, Any], *loc: str | int) -> None:
    for name in NOT_HERE:
        if name in parameters:
            raise InvalidInputError(
                f"the extension that has {name} is not here; GET /v2 lists those that are", *loc, name
            )
