"""Limits of requests and connections."""

HEAD_SECONDS = 5.0  # from a request's first byte, or from the connection's beginning, to the end of its head
BODY_SECONDS = 5.0  # the longest pause in a body,
BODY_BYTES_PER_SECOND = 1024  # which has to come at this rate
WRITE_SECONDS = 10.0  # without the client taking in anything of what waits for it
MAX_URL_BYTES, MAX_HEAD_BYTES, MAX_HEADERS = 16 * 1024, 32 * 1024, 100

LINGER_SECONDS = 1.0  # how long a client may go on sending after an early response, so that it can read it

MAX_ROWS = 100_000  # latent values or vectors in one request
MAX_PAGE_SIZE = 1000  # entries of a list
MAX_WAIT_SECONDS = 30

# Requests up to these sizes are computed on the event loop; larger ones on a thread, so that others need not wait.
MAX_INLINE_ROWS, MAX_INLINE_BYTES = 1000, 200_000
