"""Every part of the design system on one page, served as a role's page would be."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.frame import Frame, Tab
from gateway.web.page import STATIC, TEMPLATES, make_pages
from gateway.web.site import make_site

FRAME = Frame(
    "示例区江湾街道",
    "centre.title",
    (Tab("/gallery", "centre.overview"), Tab("/gallery/more", "centre.cases", 12), Tab("/other", "centre.alerts")),
    user="示例网格员",
    sign_out="/sign-out",
    banner="演示数据·快进时钟",
)


def make_gallery() -> FastAPI:
    """A site with `/gallery`."""
    pages = make_pages(TEMPLATES, STATIC, Path(__file__).parent)
    router = APIRouter()

    @router.get("/gallery")
    def gallery(request: Request) -> HTMLResponse:
        return pages.html(request, "gallery.html", frame=FRAME, name="Parts")

    return make_site(pages, [router])
