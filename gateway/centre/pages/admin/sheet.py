"""What the pages of administration share: a template within their frame."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.admin_frame import admin_frame
from gateway.web.page import Pages, lang_of


@dataclass(frozen=True, slots=True)
class Sheet:
    """Answers with a page of administration in the language of the request."""

    pages: Pages
    district: str
    banner: str

    def __call__(self, request: Request, page: str, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """`page` is the template, `name` the key of its title."""
        said = {"frame": admin_frame(request, self.district, self.banner), "name": self.say(request, name)}
        return self.pages.html(request, f"admin/{page}.html", status=status, **said, **values)

    def say(self, request: Request, key: str) -> str:
        return self.pages.texts.get(lang_of(request), key)
