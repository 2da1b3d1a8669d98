"""What can go wrong, each with the HTTP status and the stable type that clients see.

ServiceError
|-- MalformedBody        400  malformed-body
|-- KeyNeeded            401  key-needed, with WWW-Authenticate
|-- HostNotAllowed       403  host-not-allowed
|-- ForeignOrigin        403  foreign-origin
|-- JobNotFound          404  job-not-found
|-- ModelNotFound        404  model-not-found
|-- FileNotInModel       404  file-not-found
|-- MemberNotFound       404  member-not-found
|-- NoSuchPlot           404  plot-not-found
|-- StateForbids         409  state-forbids
|-- WrongKind            409  wrong-kind
|-- NoModel              409  no-model
|-- NoGenerator          409  no-generator
|-- ModelDamaged         409  model-damaged
|-- ModelUnloaded        409  model-unloaded
|-- NotAsInTheArticle    409  not-as-in-the-article
|-- WrongContentType     415  wrong-content-type
|-- InvalidInput         422  invalid-input, with the place of the mistake
|   `-- NoSuchSnapshot   422  no-such-snapshot
|-- KeyReused            422  idempotency-key-reused
|-- QueueFull            429  queue-full, with Retry-After
|-- StorageFailed        500  storage-failed
`-- DiskFull             507  disk-full
"""

from typing import ClassVar


class ServiceError(Exception):
    """An answer that is not the one hoped for; `detail` says what was wrong and what would be right."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "The service failed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class MalformedBodyError(ServiceError):
    """The body's bytes are not in the form that its headers say."""

    status, type, title = 400, "malformed-body", "The body cannot be read"


class ApiKeyRequiredError(ServiceError):
    """The service has API keys, and the request has none of them."""

    status, type, title = 401, "key-needed", "An API key is needed"


class HostNotAllowedError(ServiceError):
    """The request is addressed to a name, or comes from an address, that the service does not answer to."""

    status, type, title = 403, "host-not-allowed", "The service does not answer here"


class CrossOriginError(ServiceError):
    """A browser sends the request for a page of another origin."""

    status, type, title = 403, "foreign-origin", "The request comes from another origin"


class JobNotFoundError(ServiceError):
    """No job has that id, or it was deleted."""

    status, type, title = 404, "job-not-found", "No such job"


class ModelNotFoundError(ServiceError):
    """The Open Inference Protocol has no model of that name here."""

    status, type, title = 404, "model-not-found", "No such model"


class ModelFileNotFoundError(ServiceError):
    """A model has no file of that name, or the job left no model."""

    status, type, title = 404, "file-not-found", "No such file"


class MemberNotFoundError(ServiceError):
    """A sweep has no member of that number."""

    status, type, title = 404, "member-not-found", "No such member"


class PlotNotFoundError(ServiceError):
    """No picture has that name and that format."""

    status, type, title = 404, "plot-not-found", "No such plot"


class InvalidJobStateError(ServiceError):
    """The job's status does not allow what was asked."""

    status, type, title = 409, "state-forbids", "The job's status does not allow this"


class WrongJobKindError(ServiceError):
    """A training was asked for what only sweeps have, or a sweep for what only trainings have."""

    status, type, title = 409, "wrong-kind", "The job is of another kind"


class NoModelError(ServiceError):
    """Nothing has been trained yet."""

    status, type, title = 409, "no-model", "No model yet"


class NoGeneratorError(ServiceError):
    """The discriminator experiment trains no generator."""

    status, type, title = 409, "no-generator", "This job has no generator"


class CorruptDataError(ServiceError):
    """A model's file, or what is kept of a job beside it, is not what was written."""

    status, type, title = 409, "model-damaged", "What was kept is damaged"


class ModelNotLoadedError(ServiceError):
    """The Open Inference Protocol's model has been unloaded."""

    status, type, title = 409, "model-unloaded", "The model is not loaded"


class ArticleViewError(ServiceError):
    """The article's lists cannot be made of what this job recorded."""

    status, type, title = 409, "not-as-in-the-article", "Not recorded as the article does"


class BodyTooLargeError(ServiceError):
    """The body is larger than the service takes."""

    status, type, title = 413, "body-too-large", "The request's body is too large"

    def __init__(self) -> None:
        super().__init__("send a smaller body, or start the service with a larger GAN1010_MAX_BODY_BYTES")


class UnsupportedMediaTypeError(ServiceError):
    """The body is of a type that is not read here."""

    status, type, title = 415, "wrong-content-type", "The request's body is not JSON"


class InvalidInputError(ServiceError):
    """A value that cannot be: `loc` is its place in the request."""

    status, type, title = 422, "invalid-input", "The request is not valid"

    def __init__(self, detail: str, *loc: str | int) -> None:
        super().__init__(detail)
        self.loc = loc


class SnapshotNotFoundError(InvalidInputError):
    """No weights were kept at that iteration."""

    type, title = "no-such-snapshot", "No weights were kept at that iteration"


class IdempotencyKeyReusedError(InvalidInputError):
    """An idempotency key came with another request before."""

    type, title = "idempotency-key-reused", "The key was used for another request"


class QueueFullError(ServiceError):
    """As many jobs wait as may."""

    status, type, title = 429, "queue-full", "The queue is full"


class StorageFailedError(ServiceError):
    """The disk does not work as it should."""

    status, type, title = 500, "storage-failed", "The disk failed"

    def __init__(self) -> None:
        super().__init__("nothing was kept of this request; the service's log says what the disk answered")


class DiskFullError(ServiceError):
    """There is no room on the disk."""

    status, type, title = 507, "disk-full", "The disk is full"

    def __init__(self) -> None:
        super().__init__("nothing was kept of this request; make room on the disk of the data folder and try again")


def without_value(error: Exception) -> str:
    """The message of an error of `gan1010`, up to the `, not ...` in which it repeats what was sent."""
    return str(error).partition(", not ")[0]
