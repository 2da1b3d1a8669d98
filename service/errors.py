"""Exceptions of the service. `service/api/problems.py` has the response to each."""


class ServiceError(Exception):
    """Base of the errors that a client can see; `detail` states the fact, then the remedy."""

    detail = ""
    retry_after_seconds: int | None = None  # of this error, if it is known

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or self.detail
        super().__init__(self.detail)


class MalformedBodyError(ServiceError):
    """The body does not have the form that its headers declare."""


class ApiKeyRequiredError(ServiceError):
    """The request has no valid API key."""

    detail = "The request has no valid API key. Send one as Authorization: Bearer KEY, or as X-API-Key: KEY."


class TooManyWrongKeysError(ServiceError):
    """The client's address has sent too many wrong API keys."""

    detail = "This address has sent too many wrong API keys. Retry after the seconds in Retry-After, with a valid key."

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class HostNotAllowedError(ServiceError):
    """The service does not serve this Host, or this client's address."""

    detail = (
        "Without an API key, the service serves localhost, 127.0.0.1 and [::1] only."
        " Set GAN1010_API_KEY, or add this host to GAN1010_ALLOWED_HOSTS."
    )


class CrossOriginError(ServiceError):
    """A browser sent the request for a page of another origin."""

    detail = "Pages of other sites have no access. Send the request from a page of this service."


class JobNotFoundError(ServiceError):
    """No job has this id."""

    detail = "No job has this id. GET /jobs lists the jobs."


class ModelNotFoundError(ServiceError):
    """The Open Inference Protocol has no model of this name."""


class ModelFileNotFoundError(ServiceError):
    """The model has no file of this name, or the job has no model."""


class MemberNotFoundError(ServiceError):
    """The sweep has no member of this number."""


class PlotNotFoundError(ServiceError):
    """No plot has this name and format."""


class InvalidJobStateError(ServiceError):
    """The job's status does not allow the operation."""


class JobChangedError(ServiceError):
    """The job is no longer the one that If-Match names."""

    detail = "The job has changed since. GET it again, and send its new ETag."


class WrongJobKindError(ServiceError):
    """The operation is for sweeps and the job is a training, or the reverse."""


class NoModelError(ServiceError):
    """No job has a trained model yet, or this one has none."""

    detail = "No model has been trained yet. POST /train with an empty body trains the article's GAN."


class NoGeneratorError(ServiceError):
    """The job is a discriminator experiment, which trains no generator."""

    detail = "The job is a discriminator experiment, which trains no generator. Name another job."


class CorruptDataError(ServiceError):
    """The stored data of a job differ from what was written."""


class ModelNotLoadedError(ServiceError):
    """The model of the Open Inference Protocol has been unloaded."""


class ArticleViewError(ServiceError):
    """The job's history does not have the iterations that the article prints."""


class BodyTooLargeError(ServiceError):
    """The request body exceeds the limit."""

    detail = "The body is too large. Send a smaller one, or start the service with a larger GAN1010_MAX_BODY_BYTES."


class UnsupportedMediaTypeError(ServiceError):
    """The Content-Type or the Content-Encoding is not supported."""

    detail = "The Content-Type is not supported. Send the body with Content-Type: application/json."


class InvalidInputError(ServiceError):
    """A value is not valid; `loc` is its place in the request."""

    def __init__(self, detail: str, *loc: str | int) -> None:
        super().__init__(detail)
        self.loc = loc


class SnapshotNotFoundError(InvalidInputError):
    """The job has no snapshot at this iteration."""


class IdempotencyKeyReusedError(InvalidInputError):
    """The idempotency key belongs to a different request."""


class QueueFullError(ServiceError):
    """The queue has no room for another job."""


class StorageFailedError(ServiceError):
    """The disk failed; nothing of the operation is stored."""

    detail = "The disk failed, so nothing was stored. The service's log has the cause."


class DiskFullError(ServiceError):
    """The disk is full; nothing of the operation is stored."""

    detail = "The disk is full, so nothing was stored. Free some space on the disk of the data folder, then retry."


ENVIRONMENT_ERRORS = (DiskFullError, StorageFailedError, MemoryError, OSError)  # the same operation may succeed later
