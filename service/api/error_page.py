"""Error page: what a browser shows in place of one of the pages, such as without an API key."""

import base64
import hashlib
from html import escape
from pathlib import Path
from string import Template

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse

PAGES = frozenset({"/", "/docs"})
PAGE = Path(__file__).parents[1] / "page"
FILE = (PAGE / "error.html").read_text("utf-8")  # it links to no file that needs a key
TEXTS = orjson.loads((PAGE / "error.json").read_bytes())  # of each language, by status: what helps in a browser
STYLE = FILE.partition("<style>")[2].partition("</style>")[0]
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def wants_page(request: Request) -> bool:
    """Return True for a browser that opens one of the pages."""
    return request.scope["path"] in PAGES and "text/html" in request.headers.get("accept", "")


def error_page(request: Request, title: str, detail: str, status: int, seconds: int | None = None) -> HTMLResponse:
    """Build the page of an error: about API keys in the browser's language, and else with the problem's own texts.

    Args:
        request: the request that failed.
        title: what is wrong.
        detail: the fact, then the remedy.
        status: the HTTP status.
        seconds: how long the client has to wait, if that is known.
    """
    lang = "zh-Hans" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
    if str(status) in TEXTS[lang]:
        title, detail = TEXTS[lang][str(status)]
        detail = Template(detail).substitute(seconds=seconds)
    else:
        lang = "en"
    texts = {"lang": lang, "title": escape(title), "detail": escape(detail), "again": TEXTS[lang]["again"]}
    return HTMLResponse(Template(FILE).substitute(texts), status, HEADERS)
