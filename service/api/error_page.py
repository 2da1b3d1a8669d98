"""Error page: what a browser shows in place of one of the pages, such as without an API key."""

import base64
import hashlib
from html import escape
from pathlib import Path
from string import Template

from fastapi import Request
from fastapi.responses import HTMLResponse

PAGES = frozenset({"/", "/docs"})
FILE = (Path(__file__).parents[1] / "page/error.html").read_text("utf-8")  # it links to no file that needs a key
STYLE = FILE.partition("<style>")[2].partition("</style>")[0]
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def wants_page(request: Request) -> bool:
    """Return True for a browser that opens one of the pages."""
    return request.scope["path"] in PAGES and "text/html" in request.headers.get("accept", "")


def error_page(title: str, detail: str, status: int) -> HTMLResponse:
    """Build the page of an error, with advice about the key where one is needed."""
    hidden = "" if status == 401 else "hidden"
    content = Template(FILE).substitute(title=escape(title), detail=escape(detail), hidden=hidden)
    return HTMLResponse(content, status, HEADERS)
