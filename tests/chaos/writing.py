"""Figures that a run puts into a page, between two marks."""

from pathlib import Path


def put(page: Path, mark: str, text: str) -> None:
    """Replace what stands between `<!-- MARK: begin -->` and `<!-- MARK: end -->`.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no marks for {mark}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")
