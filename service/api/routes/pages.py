"""Web pages: the lab and the API documentation, with their assets."""

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

PAGE = Path(__file__).parents[2] / "page"
FILES = frozenset(str(file.relative_to(PAGE)) for file in PAGE.rglob("*") if file.is_file())
POLICY = {  # nothing from other hosts, no inline scripts or styles
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
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
async def page(request: Request) -> FileResponse:
    """Show the lab."""
    return _page(request, "index.html")


@router.get("/docs")
async def docs(request: Request) -> FileResponse:
    """Show the API documentation."""
    return _page(request, "docs.html")


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


def _page(request: Request, file: str) -> FileResponse:
    _ignore_range(request.scope)
    return FileResponse(PAGE / file, headers=HEADERS)


def _ignore_range(scope: Scope) -> None:
    """Ignore Range, as RFC 9110, 14.2 allows: a browser cannot use a part of a compressed file."""
    scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
