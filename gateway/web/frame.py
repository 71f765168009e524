"""The frame of a role's pages: whose place it is, its tabs, who is signed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the navigation. `text` is the key of its text; a `count` of 0 is not shown."""

    href: str
    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What templates that extend frame.html need as `frame`. `role` is the key of a text."""

    place: str
    role: str
    tabs: tuple[Tab, ...] = ()
    user: str = ""
    """The name of whoever is signed in, or ""."""
    sign_out: str = ""
    """Where a POST ends the session, or ""."""
    banner: str = ""

    def tab_of(self, path: str) -> Tab | None:
        """The tab that a page belongs to: the one whose address is the longest beginning of its path."""
        inside = [tab for tab in self.tabs if path == tab.href or path.startswith(tab.href.rstrip("/") + "/")]
        return max(inside, key=lambda tab: len(tab.href), default=None)
