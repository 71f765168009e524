"""Every page that somebody can come to by links alone, from where they begin."""

import re
from collections import deque
from html import unescape
from urllib.parse import urlsplit

from tests.browsing import Shown, Visitor

MOST = 120
"""Pages looked at: far more than any role has, so that a calendar without an end ends."""
_LINK = re.compile(r'<a [^>]*?href="(/[^"#]*)')
_LOOKS = re.compile(r"[?&](lang|theme)=")
_ONE_OF_MANY = re.compile(r"/(\d[^/?]*)(?=/|\?|$)|=[^&]*")


def pages_of(visitor: Visitor, start: str) -> dict[str, Shown]:
    """Address -> page, each kind of page once: of ten cases, or of ten days, the first."""
    found: dict[str, Shown] = {}
    kinds = {kind_of(start)}
    waiting = deque([start])
    while waiting and len(found) < MOST:
        path = waiting.popleft()
        shown = visitor.get(path)
        if shown.status == 303 and kind_of(shown.to) not in kinds:
            kinds.add(kind_of(shown.to))
            waiting.append(shown.to)
        if "<html" not in shown.text:
            continue  # a file to take away
        found[path] = shown
        for link in _LINK.findall(shown.text):
            address = unescape(link)
            if _LOOKS.search(address) or kind_of(address) in kinds:
                continue
            kinds.add(kind_of(address))
            waiting.append(address)
    return found


def kind_of(address: str) -> str:
    """What pages of one kind have in common: the path without its numbers, and which questions are asked."""
    parts = urlsplit(address)
    return _ONE_OF_MANY.sub(lambda one: "/0" if one[1] else "=", f"{parts.path}?{parts.query}")
