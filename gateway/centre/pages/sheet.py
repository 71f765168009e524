"""What the pages of a role share: its templates within its frame, in the language of the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.frame import Frame
from gateway.web.page import Pages, lang_of


@dataclass(frozen=True, slots=True)
class Sheet:
    """Answers with a page of the role whose templates are in `folder`."""

    pages: Pages
    folder: str
    frame: Callable[[Request], Frame]

    def __call__(self, request: Request, page: str, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """`page` is the template, `name` the key of its title."""
        said = {"frame": self.frame(request), "name": self.say(request, name)}
        return self.pages.html(request, f"{self.folder}/{page}.html", status=status, **said, **values)

    def part(self, request: Request, page: str, **values: Any) -> HTMLResponse:
        """A piece of a page, which the page itself asks for."""
        return self.pages.html(request, f"{self.folder}/{page}.html", **values)

    def say(self, request: Request, key: str, **figures: object) -> str:
        return self.pages.texts.get(lang_of(request), key, **figures)
