"""What people see in a browser: the lab, and the description of the service, with assets of their own."""

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

PAGE = Path(__file__).parents[2] / "page"
FILES = frozenset(str(file.relative_to(PAGE)) for file in PAGE.rglob("*") if file.is_file())
POLICY = {  # what the pages may load and do: nothing from another host, and no script or style inside the page
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
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # not to another host, for links name what one looks at
    "Cache-Control": "no-cache",
    "Accept-Ranges": "none",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> FileResponse:
    """Show the lab: see a GAN learn."""
    return _page(request, "index.html")


@router.get("/docs")
async def docs(request: Request) -> FileResponse:
    """Describe every operation, and let people try it."""
    return _page(request, "docs.html")


def assets() -> ASGIApp:
    """The files of both pages, compressed."""
    return GZipMiddleware(_Revalidated(directory=PAGE), minimum_size=500)


class _Revalidated(StaticFiles):
    """Files that a browser keeps, and asks about each time: what has not changed is a 304."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """One of our files: nothing else that is asked for gets to the disk."""
        return super().lookup_path(path) if path in FILES else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        _forget_range(scope)
        answer = await super().get_response(path, scope)
        answer.headers.update({name: HEADERS[name] for name in ("Cache-Control", "Accept-Ranges")})
        return answer


def _page(request: Request, file: str) -> FileResponse:
    _forget_range(request.scope)
    return FileResponse(PAGE / file, headers=HEADERS)


def _forget_range(scope: Scope) -> None:
    """Have a file sent whole: parts of what is compressed are nothing to a browser (RFC 9110, 14.2 leaves it to us)."""
    scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
