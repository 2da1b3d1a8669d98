"""The shapes of the Open Inference Protocol (v2) on the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from service.api.schemas.training import IN_JSON

NUMBERS = {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}}
Parameters = Annotated[  # some clients say null for what they leave out
    dict[str, Any],
    BeforeValidator(lambda value: {} if value is None else value, json_schema_input_type=dict[str, Any] | None),
    Field(description="of the extensions"),
]


class Received(BaseModel):
    """What clients send: each field of its own type, and others that some clients add."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class InputIn(Received):
    """An input tensor: its numbers are here, or follow the JSON as `binary_data_size` bytes."""

    name: str = Field(description="`seed` of the generator, `vector` of the discriminator")
    shape: list[Annotated[int, IN_JSON]] = Field(description="rows, and numbers in a row")
    datatype: str = Field(description="FP32")
    parameters: Parameters = {}
    data: Annotated[
        list[Any] | None,
        Field(description="the numbers, row by row, flat or nested"),
        WithJsonSchema(NUMBERS),
    ] = None


class OutputWanted(Received):
    """An output that is asked for, as bytes or as JSON."""

    name: str = Field(description="`sample` of the generator, `score` of the discriminator")
    parameters: Parameters = {}


class InferRequest(Received):
    """Tensors to feed to a network."""

    id: str | None = Field(default=None, description="comes back with the answer")
    parameters: Parameters = {}
    inputs: list[InputIn] = Field(description="one tensor")
    outputs: list[OutputWanted] = Field(default=[], description="what to answer; all, when left out")


class RepositoryRequest(Received):
    """What to do with a model, or which models to list."""

    ready: bool = Field(default=False, description="only those that are ready")
    parameters: Parameters = {}


class OutputOut(BaseModel):
    """An output tensor: its numbers are here, row by row, or follow the JSON as `binary_data_size` bytes."""

    name: str
    datatype: Literal["FP32"]
    shape: list[int]
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(BaseModel):
    """A network's answer."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str = Field(description="the id of the job that trained it")
    id: str | None = None
    outputs: list[OutputOut]


class ServerMetadata(BaseModel):
    """What serves, and which extensions of the protocol it has."""

    name: str
    version: str
    extensions: list[str]


class ServerHealth(BaseModel):
    """How the server is."""

    live: bool
    ready: bool


class TensorMetadata(BaseModel):
    """A tensor of a model; -1 stands for any number of rows."""

    name: str
    datatype: Literal["FP32"]
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model: what it takes and answers, and its newest versions, the newest first."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ModelNames(BaseModel):
    """The names of all models."""

    models: list[str]


class ModelReady(BaseModel):
    """Whether a model answers."""

    name: str
    ready: bool


class IndexEntry(BaseModel):
    """A version of a model, or a model without any; `reason` says why it is not ready."""

    name: str
    version: str | None = None
    state: Literal["READY", "UNAVAILABLE"]
    reason: str = ""


class V2Error(BaseModel):
    """What went wrong: `error` for clients of the protocol, and the members of a problem (RFC 9457)."""

    error: str = Field(description="what was wrong, and what would be right")
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = Field(default=[], description="for 422: each mistake, at most 20")


V2_SCHEMAS = (InferRequest, RepositoryRequest, V2Error)  # that only our own description of a route refers to
