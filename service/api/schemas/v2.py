"""Schemas of the Open Inference Protocol (v2)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from service.api.schemas.common import AS_INTEGER

NUMBERS = {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}}
Parameters = Annotated[  # some clients send null for none
    dict[str, Any],
    BeforeValidator(lambda value: {} if value is None else value, json_schema_input_type=dict[str, Any] | None),
    Field(description="of the extensions", json_schema_extra={"default": {}}),
]


class ProtocolRequest(BaseModel):
    """Base of requests: strict types, unknown fields ignored, because clients add some of their own."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class InputIn(ProtocolRequest):
    """An input tensor. Its numbers are in `data`, or follow the JSON as `binary_data_size` bytes."""

    name: str = Field(description="`seed` of the generator, `vector` of the discriminator")
    shape: list[Annotated[int, AS_INTEGER]] = Field(description="rows, numbers per row")
    datatype: str = Field(description="FP32")
    parameters: Parameters = Field(default_factory=dict)  # faster than {}, which pydantic copies
    data: Annotated[
        list[Any] | None, Field(description="numbers, row by row, flat or nested"), WithJsonSchema(NUMBERS)
    ] = None


class OutputWanted(ProtocolRequest):
    """A requested output, as JSON or binary."""

    name: str = Field(description="`sample` of the generator, `score` of the discriminator")
    parameters: Parameters = Field(default_factory=dict)


class InferRequest(ProtocolRequest):
    """An inference request."""

    id: str | None = Field(default=None, description="returned with the response")
    parameters: Parameters = Field(default_factory=dict)
    inputs: list[InputIn] = Field(description="one tensor")
    outputs: list[OutputWanted] = Field(
        default_factory=list, description="requested outputs; all, when left out", json_schema_extra={"default": []}
    )


class RepositoryRequest(ProtocolRequest):
    """The body of a repository request."""

    ready: bool = Field(default=False, description="list only models that are ready")
    parameters: Parameters = Field(default_factory=dict)


class OutputOut(BaseModel):
    """An output tensor. Its numbers are in `data`, row by row, or follow the JSON as `binary_data_size` bytes."""

    name: str
    datatype: Literal["FP32"]
    shape: list[int]
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(BaseModel):
    """An inference response."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str = Field(description="the id of the job that trained the model")
    id: str | None = None
    outputs: list[OutputOut]


class ServerMetadata(BaseModel):
    """The server and the protocol's extensions that it supports."""

    name: str
    version: str
    extensions: list[str]


class ServerHealth(BaseModel):
    """The server's health."""

    live: bool
    ready: bool


class TensorMetadata(BaseModel):
    """A tensor of a model; -1 stands for any number of rows."""

    name: str
    datatype: Literal["FP32"]
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model: its inputs, its outputs and its newest versions, newest first."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ModelNames(BaseModel):
    """The names of all models."""

    models: list[str]


class ModelReady(BaseModel):
    """The readiness of a model."""

    name: str
    ready: bool


class IndexEntry(BaseModel):
    """A version of a model, or a model without versions; `reason` says why it is not ready."""

    name: str
    version: str | None = None
    state: Literal["READY", "UNAVAILABLE"]
    reason: str = ""


class V2Error(BaseModel):
    """An error: `error` for clients of the protocol, and the members of a problem (RFC 9457)."""

    error: str = Field(description="what is wrong, and the remedy")
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = Field(default=[], description="for 422: each mistake, at most 20")
