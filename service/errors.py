"""What can go wrong, each with the HTTP status and the stable type that clients see.

ServiceError
|-- JobNotFound          404  job-not-found
|-- FileNotInModel       404  file-not-found
|-- StateForbids         409  state-forbids
|-- NoModel              409  no-model
|-- NoGenerator          409  no-generator
|-- NotAsInTheArticle    409  not-as-in-the-article
|-- WrongContentType     415  wrong-content-type
|-- InvalidInput         422  invalid-input, with the place of the mistake
|   `-- NoSuchSnapshot   422  no-such-snapshot
|-- KeyReused            422  idempotency-key-reused
`-- QueueFull            429  queue-full, with Retry-After
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


class JobNotFound(ServiceError):
    """No job has that id, or it was deleted."""

    status, type, title = 404, "job-not-found", "No such job"


class FileNotInModel(ServiceError):
    """A model has no file of that name, or the job left no model."""

    status, type, title = 404, "file-not-found", "No such file"


class StateForbids(ServiceError):
    """The job's status does not allow what was asked."""

    status, type, title = 409, "state-forbids", "The job's status does not allow this"


class NoModel(ServiceError):
    """Nothing has been trained yet."""

    status, type, title = 409, "no-model", "No model yet"


class NoGenerator(ServiceError):
    """The discriminator experiment trains no generator."""

    status, type, title = 409, "no-generator", "This job has no generator"


class NotAsInTheArticle(ServiceError):
    """The article's lists cannot be made of what this job recorded."""

    status, type, title = 409, "not-as-in-the-article", "Not recorded as the article does"


class BodyTooLarge(ServiceError):
    """The body is larger than the service takes."""

    status, type, title = 413, "body-too-large", "The request's body is too large"

    def __init__(self) -> None:
        super().__init__("send a smaller body, or start the service with a larger GAN1010_MAX_BODY_BYTES")


class WrongContentType(ServiceError):
    """The body is of a type that is not read here."""

    status, type, title = 415, "wrong-content-type", "The request's body is not JSON"


class InvalidInput(ServiceError):
    """A value that cannot be: `loc` is its place in the request."""

    status, type, title = 422, "invalid-input", "The request is not valid"

    def __init__(self, detail: str, *loc: str | int) -> None:
        super().__init__(detail)
        self.loc = loc


class NoSuchSnapshot(InvalidInput):
    """No weights were kept at that iteration."""

    type, title = "no-such-snapshot", "No weights were kept at that iteration"


class KeyReused(InvalidInput):
    """An idempotency key came with another request before."""

    type, title = "idempotency-key-reused", "The key was used for another request"


class QueueFull(ServiceError):
    """As many jobs wait as may."""

    status, type, title = 429, "queue-full", "The queue is full"
