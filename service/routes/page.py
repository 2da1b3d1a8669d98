"""What people see in a browser: the description of the service, with assets of its own."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse

PAGE = Path(__file__).parent.parent / "page"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> RedirectResponse:
    """Lead to the description."""
    return RedirectResponse("/docs")


@router.get("/docs")
async def docs() -> FileResponse:
    """Describe every operation, and let people try it."""
    return FileResponse(PAGE / "docs.html")
