"""A slip in words, as the list (核查清单) and the page to print have it: the same sentences in both."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from gateway.centre.particulars import Particulars
from gateway.web.page import moment
from gateway.web.texts import Texts

LANG = "zh"
"""What is handed to the police."""
MARK_NEW, MARK_CHANGED = "new", "changed"
TO_FILL_IN = ("result", "registered_on", "receipt", "officer", "note")
"""Columns for the answer: by their headings the list is taken again as 公安回执."""
_KNOWN = (
    "compound",
    "name",
    "document",
    "document_number",
    "dwelling",
    "source",
    "match",
    "presence",
    "rule",
    "versions",
    "as_of",
    "visits",
    "notice",
    "repeats",
    "since",
    "sent",
    "sent_by",
    "state",
)


class SlipWords:
    """Puts slips into words of a language."""

    def __init__(self, texts: Texts, lang: str = LANG) -> None:
        self._texts = texts
        self._lang = lang

    def lines(self, said: Particulars) -> list[tuple[str, str]]:
        """Label and value of each line of a slip."""
        return self.some(said, _KNOWN)

    def some(self, said: Particulars, names: Sequence[str]) -> list[tuple[str, str]]:
        """Label and value of these lines alone."""
        values = self._values(said)
        return [(self._t(f"slip.{name}"), values[name]) for name in names]

    def headings(self) -> list[str]:
        return [self._t(f"slip.{name}") for name in ("mark", "number", "sending", *_KNOWN, *TO_FILL_IN)]

    def row(self, said: Particulars, mark: str) -> list[str]:
        """A slip's row of the list, under `headings`."""
        values = self._values(said)
        first = [self._t(f"slip.mark.{mark}") if mark else "", said.slip, str(said.sending)]
        return [*first, *(values[name] for name in _KNOWN), *("" for _ in TO_FILL_IN)]

    def about(
        self, title: str, day: date, made: datetime, marks: Sequence[str], rows: Sequence[Sequence[str]], key: bytes
    ) -> list[list[str]]:
        """The second page of the list: for whom and when it is, what it counts, its digest, and how it is answered."""
        late = f"{day:%Y-%m-%d}" != moment(made)[:10]
        return [
            [self._t("slip.title"), self._t("slip.to", station=title)],
            [self._t("slip.day"), day.isoformat()],
            [self._t("slip.made"), self._t("slip.made_late", at=moment(made)) if late else moment(made)],
            [self._t("slip.open"), str(len(marks))],
            [self._t("slip.new"), str(marks.count(MARK_NEW))],
            [self._t("slip.changed"), str(marks.count(MARK_CHANGED))],
            *([] if marks else [[self._t("slip.note"), self._t("slip.none")]]),
            [self._t("slip.result"), self._t("slip.fill_in")],
            [self._t("slip.digest"), digest(rows)],
            [self._t("slip.key"), key.hex()],
            [self._t("slip.signature"), self._t("slip.signature_said")],
            [self._t("slip.note"), self._t("slip.purpose")],
        ]

    def titles(self) -> tuple[str, str]:
        """What the two pages of the list are called."""
        return self._t("slip.list"), self._t("slip.about")

    def _values(self, said: Particulars) -> Mapping[str, str]:
        grounds = said.grounds
        word = self._texts.word
        return {
            "compound": said.compound,
            "name": self._t("slip.protected") if said.protected else said.name,
            "document": word(self._lang, "kind", said.document) if said.document else "",
            "document_number": said.number,
            "dwelling": said.dwelling,
            "source": word(self._lang, "case.source", said.source),
            "match": word(self._lang, "slip.match", grounds.get("match", "unknown")),
            "presence": self._presence(grounds),
            "rule": word(self._lang, "alert.rule", said.rule),
            "versions": self._t("slip.versions_said", **{name: grounds.get(name, "") for name in ("policy", "roster")}),
            "as_of": str(grounds.get("register_as_of", "")),
            "visits": self._visits(said),
            "notice": self._t("slip.notice.left") if said.notice_left else self._t("slip.notice.not"),
            "repeats": str(said.repeats),
            "since": said.since.isoformat(),
            "sent": moment(said.sent) if said.sent else "",
            "sent_by": said.sent_by or "",
            "state": word(self._lang, "alert.state", said.state),
        }

    def _presence(self, grounds: Mapping[str, object]) -> str:
        if not grounds.get("days"):
            return self._t("slip.presence_none")
        figures = {"window": grounds["window_days"], "days": grounds["days"], "evenings": grounds["evenings"]}
        return self._t("slip.presence_said", **figures)

    def _visits(self, said: Particulars) -> str:
        if said.last_visit is None:
            return self._t("slip.visits_none")
        figures = {"n": said.visits, "weekend": said.weekend, "met": said.met, "last": said.last_visit.isoformat()}
        return self._t("slip.visits_said", **figures, **said.times)

    def _t(self, key: str, **figures: object) -> str:
        return self._texts.get(self._lang, key, **figures)


def digest(rows: Sequence[Sequence[str]]) -> str:
    """SHA-256 of a page's cells, joined by tabs, and its rows, by line feeds: what somebody can reckon by hand."""
    return hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()
