"""Limits of requests and connections."""

from gan1010.config import MAX_ROWS as MAX_ROWS

HEAD_SECONDS = 5.0  # from the start of the connection or the request's first byte to the end of the head
BODY_SECONDS = 5.0  # the longest pause in a body
BODY_BYTES_PER_SECOND = 1024  # the slowest body
WRITE_SECONDS = 10.0  # a connection whose client reads nothing for so long is closed
LINGER_SECONDS = 1.0  # after an early response, the client may send for so long and then read it
MAX_URL_BYTES, MAX_HEAD_BYTES, MAX_HEADERS = 16 * 1024, 32 * 1024, 100

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 50, 1000  # entries of a list
MAX_CELLS_PER_PAGE = 10_000
MAX_AXIS_VALUES = 1000  # of a heat map: a million cells are drawn in a second
MAX_QUERY_INTEGER = 2**53  # cursors and indices; JSON has larger integers only as approximations
MAX_WAIT_SECONDS = 30

# Requests up to these sizes are computed on the event loop; larger ones on a thread, so that others need not wait.
MAX_INLINE_ROWS, MAX_INLINE_BYTES = 1000, 200_000
MAX_COMPRESSED_INLINE_BYTES = 20_000  # compressing takes ten times as long as all else
MAX_WRONG_KEYS, WRONG_KEYS_SECONDS = 20, 60.0  # of one address within this time; then its requests are refused
