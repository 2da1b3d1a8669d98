"""What people see in a browser: the lab, and the description of the service, with assets of their own."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

PAGE = Path(__file__).parent.parent / "page"
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
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """Show the lab: see a GAN learn."""
    return FileResponse(PAGE / "index.html", headers=HEADERS)


@router.get("/docs")
async def docs() -> FileResponse:
    """Describe every operation, and let people try it."""
    return FileResponse(PAGE / "docs.html", headers=HEADERS)


def assets() -> ASGIApp:
    """The files of both pages, compressed."""
    return GZipMiddleware(_Revalidated(directory=PAGE), minimum_size=500)


class _Revalidated(StaticFiles):
    """Files that a browser keeps, and asks about each time: what has not changed is a 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
