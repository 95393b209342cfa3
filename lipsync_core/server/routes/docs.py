"""/docs: all routes, as OpenAPI tells them. Nothing is loaded from elsewhere, so it works offline too."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

FILES = Path(fastapi_offline.__file__).with_name("static")
SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
WEEK = 7 * 86400  # seconds

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI; its addresses are relative to its own, because it may lie below a path of a proxy."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title=request.app.title,
        swagger_js_url=f"docs/{SCRIPT}",
        swagger_css_url=f"docs/{STYLE}",
        swagger_favicon_url="data:,",
    )


@router.get("/docs/{name}")
async def part(name: str) -> FileResponse:
    """Its script and style."""
    if name not in (SCRIPT, STYLE):
        raise HTTPException(404)
    return FileResponse(FILES / name, headers={"Cache-Control": f"public, max-age={WEEK}"})
