"""Web pages: the lab and the API documentation, with their assets."""

import os
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from service.api.route_classes import complete_response

PAGE = Path(__file__).parents[2] / "page"
FILES = frozenset(str(file.relative_to(PAGE)) for file in PAGE.rglob("*") if file.is_file())
POLICY = {  # nothing from other hosts, no inline scripts or styles
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'self'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # URLs of the lab contain job ids
    "Cache-Control": "no-cache",
    "Accept-Ranges": "none",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> Response:
    """Show the lab."""
    return await _page(request, "index.html")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show the API documentation."""
    return await _page(request, "docs.html")


def assets() -> ASGIApp:
    """Build the application that serves the files of both pages, compressed."""
    return GZipMiddleware(_RevalidatedFiles(directory=PAGE), minimum_size=500)


class _RevalidatedFiles(StaticFiles):
    """Static files that browsers cache and revalidate each time."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Look up one of the page's files; no other path reaches the disk."""
        return super().lookup_path(path) if path in FILES else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Send a file."""
        _ignore_range(scope)
        response = await super().get_response(path, scope)
        response.headers.update({name: HEADERS[name] for name in ("Cache-Control", "Accept-Ranges")})
        return response


async def _page(request: Request, file: str) -> Response:
    """Send a page. Behind a proxy, its relative URLs begin with the prefix, also at the prefix without a slash."""
    content = (PAGE / file).read_text("utf-8")
    if prefix := request.scope.get("prefix"):
        content = content.replace("<head>", f'<head>\n    <base href="{escape(prefix)}/">', 1)
    response = await complete_response(request, HTMLResponse(content), is_conditional=True)
    response.headers.update(HEADERS)  # also of a 304: browsers take its policy in place of the cached one
    return response


def _ignore_range(scope: Scope) -> None:
    """Ignore Range, as RFC 9110, 14.2 allows: a browser cannot use a part of a compressed file."""
    scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
