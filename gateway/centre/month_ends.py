"""Month-ends: figures frozen and signed, reckoned again at any time; each later difference is shown as a correction."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.centre.indicators import Indicators
from gateway.keys import Master, NotAuthentic, verify
from gateway.store.database import Database
from gateway.store.queries import figures
from rules.cases import NotPossible
from rules.indicators import TARGETS, Counts, Indicator, Rate, Unknown, ranked, rate

FORM = "xq1/month-end"
"""What is signed begins with this: no signature of anything else fits a month-end."""
_NOT_AS_OF_A_DAY = frozenset(
    {Indicator.CARD_USE, Indicator.GATES_ONLINE, Indicator.GATES_INSTALLED, Indicator.STAFFING, Indicator.PLATES}
)
"""What can only be known on its day: nothing of the past is kept that it could be reckoned from again."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A figure of a month-end that would be another one by what is known now."""

    community: str
    indicator: Indicator
    frozen: tuple[int, int]
    now: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """A frozen month: its figures, whether they are as they were signed, and what has been corrected since."""

    month: date
    frozen: int
    frozen_by: str
    figures: Mapping[str, Mapping[str, Any]]
    authentic: bool
    corrections: tuple[Correction, ...]
    ranked: tuple[str, ...] = ()
    """Communities that may be compared by their registration rate, best first."""
    data_short: tuple[str, ...] = ()
    """数据不足: their readers were well for less than 95 % of the month."""
    to_mend: tuple[str, ...] = ()
    """需整改: less than 85 % of the records that were looked at were right."""


class MonthEnds:
    """Freezes months and shows them."""

    def __init__(
        self,
        database: Database,
        master: Master,
        indicators: Indicators,
        today: Callable[[], date],
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._master = master
        self._indicators = indicators
        self._today = today
        self._now = now

    def turn(self) -> bool:
        """Freeze the month that ended last, if nobody has; whether it was."""
        last = (self._today().replace(day=1) - timedelta(days=1)).replace(day=1)
        with self._database.read() as connection:
            if figures.month_end(connection, last) is not None or not figures.kept(connection, end_of(last)):
                return False
        self.freeze(last, "system")
        return True

    def freeze(self, month: date, actor: str) -> None:
        """Freeze a month that is over: what was counted on its last day.

        Raises:
            NotPossible: it is not over, nothing was counted on its last day, or it is frozen.
        """
        if end_of(month) >= self._today():
            raise NotPossible("this month is not over")
        with self._database.write() as connection:
            if figures.month_end(connection, month) is not None:
                raise NotPossible("this month is frozen")
            rows = figures.kept(connection, end_of(month))
            if not rows:
                raise NotPossible("nothing was counted on the last day of this month")
            said: dict[str, dict[str, Any]] = {}
            for row in sorted(rows, key=lambda row: (row.community, row.name)):
                counts = [row.numerator, row.denominator, row.pending]
                said.setdefault(row.community, {})[row.name] = [*counts, row.unknown]
            content = {"month": f"{month:%Y-%m}", "day": end_of(month).isoformat(), "figures": said}
            payload = msgspec.json.encode(content, order="deterministic")
            signature = self._master.sign(_signed(payload))
            values = {"frozen": self._now(), "frozen_by": actor, "payload": payload, "signature": signature}
            figures.freeze(connection, month, values)

    def show(self, month: date) -> MonthEnd:
        """A frozen month, with what would be otherwise by what is known now.

        Raises:
            LookupError: it was not frozen.
        """
        with self._database.read() as connection:
            row = figures.month_end(connection, month)
            if row is None:
                raise LookupError("this month is not frozen")
            said = msgspec.json.decode(row.payload)["figures"]
            corrections = tuple(self._corrections(connection, month, said))
        authentic = self._fits(row)
        others = compared(said) if authentic else ()  # of what somebody has changed nothing is reckoned
        return MonthEnd(month, row.frozen, row.frozen_by, said, authentic, corrections, *others)

    def _fits(self, row: Any) -> bool:
        try:
            verify(self._master.roster_public(), row.signature, _signed(row.payload))
        except NotAuthentic:
            return False
        return True

    def _corrections(self, connection: Connection, month: date, said: Mapping[str, Any]) -> list[Correction]:
        found = self._indicators.counts(connection, end_of(month))
        corrections = []
        for indicator in Indicator:
            for community, counts in sorted(found.get(indicator, {}).items()):
                frozen = said.get(community, {}).get(indicator.value)
                if frozen is None or indicator in _NOT_AS_OF_A_DAY or counts.unknown is not None:
                    continue
                before, now = Counts(frozen[0], frozen[1]), Counts(counts.numerator, counts.denominator)
                if before != now:
                    pair = (before.numerator, before.denominator), (now.numerator, now.denominator)
                    corrections.append(Correction(community, indicator, *pair))
        return corrections


def compared(said: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Who may be compared, best first; whose data does not suffice; and whose records are too often wrong."""
    rates = {name: _frozen(own, Indicator.REGISTRATION) for name, own in said.items()}
    short = [name for name, own in said.items() if _frozen(own, Indicator.DEVICES_ONLINE).met is False]
    mend = [name for name, own in said.items() if _frozen(own, Indicator.ACCURACY).met is False]
    suffice = {name: name not in short and name not in mend for name in said}
    return ranked(rates, suffice), tuple(sorted(short)), tuple(sorted(mend))


def _frozen(own: Mapping[str, Any], indicator: Indicator) -> Rate:
    numerator, denominator, pending, unknown = own.get(indicator.value, (0, 0, 0, Unknown.NOBODY))
    return rate(Counts(numerator, denominator, pending, unknown and Unknown(unknown)), TARGETS.get(indicator))


def end_of(month: date) -> date:
    """The last day of a month."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def _signed(payload: bytes) -> bytes:
    return FORM.encode() + b"\x1f" + payload
