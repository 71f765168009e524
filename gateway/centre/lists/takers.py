"""What becomes of a list's rows, kind by kind: the good ones are put into the register, the others come back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table

from gateway import wire
from gateway.centre.lists.forms import Entry, Kind, Trouble
from gateway.centre.living import Living, Residency
from gateway.centre.persons import ORIGINS, Identity, Persons
from gateway.centre.register import BadRow, ListSoFar, Register, RegistrationEntry
from gateway.centre.slips import Stale
from gateway.centre.visitors import Visit, Visitors
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, people, streams
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.identity import check
from rules.model import CredentialKind, Origin, Source

Answer = Callable[[Connection, wire.Answer, str], None]
"""Takes an answer of a police station to a slip; raises LookupError, NotPossible or Stale as `slips.answer`."""
_HIDDEN = frozenset({"head", "address", "phone"})
_DEFAULTS = {"origin": "", "outcome": "pending", "status": "unchecked", "to_cancel": False}
"""What a new row says where the list is blank; of any other column nothing."""
ELEMENTS = ("province", "city", "county", "town", "community", "road", "compound", "door_number", "floor")
_REGISTER_SAYS = {
    "the same number stands twice in this list": "twice",
    "it ends before it begins": "ends_before",
}


@dataclass(slots=True)
class List:
    """One list while it is taken in parts. `as_of` is the day up to which it is known, or its base date."""

    community: str
    police_station: str
    today: date
    as_of: date
    complete: bool = False
    troubled: bool = False
    """Something was wrong with a row of it: then it is not taken as complete, since that row may name anybody."""
    persons: set[bytes] = field(default_factory=set, repr=False)
    so_far: ListSoFar = field(default_factory=ListSoFar, repr=False)
    places: dict[tuple[str, str, str], int] | None = None
    """The dwellings of the community, once they were asked for."""


@dataclass(slots=True)
class Taken:
    """What became of a part: row -> person or place that it is about, what is wrong, and codes that were given out.

    `noted` is what is to be said of rows that were taken all the same.
    """

    about: dict[int, Any] = field(default_factory=dict)
    wrong: list[Trouble] = field(default_factory=list)
    noted: list[Trouble] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict, repr=False)

    @property
    def persons(self) -> list[int]:
        return sorted({one for one in self.about.values() if isinstance(one, int)})


class Takers:
    """Takes parts of lists in the transaction of the caller."""

    def __init__(self, master: Master, register: Register, answer: Answer) -> None:
        self._master = master
        self._register = register
        self._answer = answer
        self._persons = Persons(master)
        self._residency = Residency(master)
        self._visitors = Visitors(master)
        self._takers: dict[Kind, Callable[[Connection, By, List, Sequence[Entry], Taken], None]] = {
            Kind.RESIDENTS: self._residents,
            Kind.HUKOU: self._hukou,
            Kind.DWELLINGS: self._dwellings,
            Kind.PUSHES: self._pushes,
            Kind.OUT_MOVERS: self._out_movers,
            Kind.REGISTRATIONS: self._registrations,
            Kind.RECEIPTS: self._receipts,
            Kind.VISITORS: self._visits,
        }

    def take(
        self, connection: Connection, by: By, kind: Kind, one: List, entries: Sequence[Entry], *, last: bool
    ) -> Taken:
        """Take a part of a list; `last` is its last one.

        Raises:
            LookupError: there is no such community.
        """
        if streams.community(connection, one.community, lock=True) is None:
            raise LookupError("there is no such community")
        taken = Taken()
        self._takers[kind](connection, by, one, entries, taken)
        one.troubled = one.troubled or bool(taken.wrong)
        if kind is Kind.REGISTRATIONS and one.complete and last and one.troubled:
            taken.wrong.append(Trouble(0, "", "not_complete"))
        elif kind is Kind.REGISTRATIONS and one.complete and last:
            self._register.register(connection, by, one.community, one.as_of, [], one.so_far, complete=True)
        return taken

    def remember(self, one: List, entries: Sequence[Entry]) -> None:
        """Know whom a part names that was taken before."""
        documents = (entry.get("document") for entry in entries)
        one.persons |= (found := {self._persons.lookup(*document) for document in documents if document is not None})
        one.so_far.persons |= found

    def _residents(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        places = self._places(connection, one)
        good = []
        for entry in self._new_persons(one, self._numbered(one, entries, taken), taken):
            if _place(entry) not in places:
                taken.wrong.append(Trouble(entry.row, "房号", "unknown_dwelling"))
            elif (since := entry.get("since")) is not None and since > one.today:
                taken.wrong.append(Trouble(entry.row, "入住日期", "in_the_future"))
            else:
                good.append(entry)
        self._put_persons(connection, by, one, good, taken)
        finds = [_living(entry, taken.about[entry.row], places[_place(entry)]) for entry in good]
        self._residency.found(connection, by, one.community, finds)

    def _dwellings(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        good = {}
        for entry in entries:
            place = _place(entry)
            if place in good:
                taken.wrong.append(Trouble(entry.row, "", "twice"))
            elif place[1] and not place[0]:
                taken.wrong.append(Trouble(entry.row, "楼栋", "needed"))
            else:
                good[place] = entry
                taken.about[entry.row] = place
        keys = ("community", "building", "unit", "room")
        named = [(one.community, *place) for place in good]
        standing = history.standing(connection, t.addresses, keys, named)
        rows = [_address(key, good[key[1:]], standing.get(key)) for key in named]
        ids = history.put(connection, by, t.addresses, rows, keys)
        homes = history.standing(connection, t.dwellings, keys, named)
        dwellings = [_dwelling(key, good[key[1:]], homes.get(key), ids[key]) for key in named if key[3]]
        history.put(connection, by, t.dwellings, dwellings, keys)

    def _hukou(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        good = list(self._new_persons(one, entries, taken))
        self._put_persons(connection, by, one, good, taken)
        checked = ("status", "checked_on", "checked_by", "reviewed_by", "reviewed_on")
        names = ("head", "address", *checked, "to_cancel", "cancelled_receipt", "cancelled_on")
        self._put_of_persons(connection, by, t.hukou_records, one, good, taken, names, based=True)

    def _pushes(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        good = list(self._new_persons(one, entries, taken))
        self._put_persons(connection, by, one, good, taken)
        names = ("received_on", "origin", "outcome", "outcome_on", "reviewed_on", "reviewed_by")
        self._put_of_persons(connection, by, t.inflow_pushes, one, good, taken, names)

    def _out_movers(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        good = list(self._new_persons(one, entries, taken))
        self._put_persons(connection, by, one, good, taken)
        names = ("address", "phone", "checked_on", "checked_by")
        self._put_of_persons(connection, by, t.out_movers, one, good, taken, names, based=True)

    def _registrations(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        rows = {one.so_far.rows + i: entry for i, entry in enumerate(entries)}
        said = [_registration(entry) for entry in entries]
        _, bad = self._register.register(connection, by, one.community, one.as_of, said, one.so_far, complete=False)
        self._took(connection, rows, bad, taken)

    def _receipts(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        for entry in entries:
            if (slip := entry.get("slip")) is not None:
                self._answered(connection, by, one, entry, slip, taken)
            elif (
                None in (entry.get("document"), entry.get("since"), entry.get("name"))
                or entry.get("result") != "handled"
            ):
                taken.wrong.append(Trouble(entry.row, "单号", "receipt_of_nothing"))
            else:
                so_far = ListSoFar()
                said = [_registration(entry)]
                _, bad = self._register.register(connection, by, one.community, one.today, said, so_far, complete=False)
                self._took(connection, {0: entry}, bad, taken)

    def _visits(self, connection: Connection, by: By, one: List, entries: Sequence[Entry], taken: Taken) -> None:
        places = self._places(connection, one)
        for entry in entries:
            if entry.get("room") is not None and _place(entry) not in places:
                taken.wrong.append(Trouble(entry.row, "房号", "unknown_dwelling"))
                continue
            since, until = _ms(entry.get("since")), _ms(entry.get("until"))
            name, phone = entry.get("name", ""), entry.get("phone", "")
            visit = Visit(since, until, places.get(_place(entry)), name=name, phone=phone, party=entry.get("party", 1))
            try:
                number, taken.codes[entry.row] = self._visitors.expect(connection, by, one.community, visit)
            except NotPossible:
                taken.wrong.append(Trouble(entry.row, "来访时间", "no_such_time"))
                continue
            taken.about[entry.row] = ("visitors", number)

    def _places(self, connection: Connection, one: List) -> dict[tuple[str, str, str], int]:
        if one.places is None:
            one.places = people.dwellings(connection, one.community)
        return one.places

    def _answered(self, connection: Connection, by: By, one: List, entry: Entry, slip: str, taken: Taken) -> None:
        actor = entry.get("officer") or by.actor
        said = wire.Answer(
            slip,
            entry.get("result"),
            actor,
            receipt=entry.get("receipt"),
            note=entry.get("note", ""),
            sending=entry.get("sending"),
        )
        try:
            with connection.begin_nested():
                self._answer(connection, said, one.police_station)
        except LookupError:
            taken.wrong.append(Trouble(entry.row, "单号", "unknown_slip"))
        except (NotPossible, Stale):
            taken.wrong.append(Trouble(entry.row, "单号", "slip_is_closed"))
        else:
            taken.about[entry.row] = ("alerts", slip)

    def _numbered(self, one: List, entries: Iterable[Entry], taken: Taken) -> Iterable[Entry]:
        """The rows with what stands for the number of those who have none."""
        for entry in entries:
            born, category = entry.get("born"), entry.get("category", "")
            if "document" in entry.said:
                yield entry
            elif born is None or born > one.today:
                taken.wrong.append(Trouble(entry.row, "证件号码", "needed"))
            else:
                origin = ORIGINS.get(category, Origin.MAINLAND)
                number = self._persons.without_number(one.community, entry.get("name"), born, origin)
                yield replace(entry, said={**entry.said, "document": (CredentialKind.NO_NUMBER, number)})

    def _new_persons(self, one: List, entries: Iterable[Entry], taken: Taken) -> Iterable[Entry]:
        """Those whose document stands in the list for the first time and tells no birth that is yet to come."""
        for entry in entries:
            kind, number = entry.get("document")
            lookup = self._persons.lookup(kind, number)
            if lookup in one.persons:
                taken.wrong.append(Trouble(entry.row, "证件号码", "twice"))
            elif kind is not CredentialKind.NO_NUMBER and check(number, one.today).problem is not None:
                taken.wrong.append(Trouble(entry.row, "证件号码", "number_date"))
            else:
                one.persons.add(lookup)
                yield entry

    def _put_persons(self, connection: Connection, by: By, one: List, entries: list[Entry], taken: Taken) -> None:
        identities = [
            Identity(kind, number, entry.get("name"), entry.get("phone", ""))
            for entry in entries
            for kind, number in (entry.get("document"),)
        ]
        kept = self._persons.put(connection, by, one.community, identities)
        for entry, who in zip(list(entries), identities, strict=True):
            lookup = self._persons.lookup(who.kind, who.number)
            person = kept.ids[lookup]
            if lookup in kept.otherwise:
                taken.noted.append(Trouble(entry.row, "姓名", "name_differs"))
            if person in taken.about.values():  # two records that were made one
                taken.wrong.append(Trouble(entry.row, "证件号码", "twice"))
                entries.remove(entry)
            else:
                taken.about[entry.row] = person

    def _put_of_persons(
        self,
        connection: Connection,
        by: By,
        table: Table,
        one: List,
        entries: Sequence[Entry],
        taken: Taken,
        names: Sequence[str],
        *,
        based: bool = False,
    ) -> None:
        """Put one row a person; what a list leaves blank stays as it stands."""
        keys = ("community", "person", "base_date") if based else ("community", "person")
        base = (one.as_of,) if based else ()
        named = {entry.row: (one.community, taken.about[entry.row], *base) for entry in entries}
        standing = history.standing(connection, table, keys, list(named.values()))
        rows = []
        for entry in entries:
            stands = standing.get(named[entry.row])
            row = dict(zip(keys, named[entry.row], strict=True))
            row |= {name: self._kept(table, name, entry.get(name), stands) for name in names}
            rows.append(row | _dated(row, one.today))
        history.put(connection, by, table, rows, keys)

    def _kept(self, table: Table, name: str, value: Any, stands: Any) -> Any:
        """A value as it is to be stored: encrypted where its column is; as it stands where nothing else is said."""
        before: Any = _DEFAULTS.get(name) if stands is None else getattr(stands, name)
        if value is None or name not in _HIDDEN:
            return before if value is None else value
        column = f"{table.name}.{name}"
        same = before is not None and self._master.show(column, before) == value
        return before if same else self._master.hide(column, value)

    def _took(self, connection: Connection, rows: dict[int, Entry], bad: Sequence[BadRow], taken: Taken) -> None:
        wrong = {one.row: _REGISTER_SAYS.get(one.problem, "not_taken") for one in bad}
        taken.wrong += [Trouble(rows[at].row, "", code) for at, code in wrong.items()]
        for at, entry in rows.items():
            if at not in wrong:
                taken.about[entry.row] = self._persons.find(connection, *entry.get("document"))


_DAYS = {"reviewed_by": "reviewed_on", "cancelled_receipt": "cancelled_on", "outcome": "outcome_on"}


def _dated(row: Mapping[str, Any], today: date) -> dict[str, date]:
    """The day of what a list says without one: the day on which it was taken."""
    said = {name for name, value in row.items() if name in _DAYS and value not in (None, "pending")}
    return {_DAYS[name]: today for name in said if row[_DAYS[name]] is None}


def _place(entry: Entry) -> tuple[str, str, str]:
    return entry.get("building", ""), entry.get("unit", ""), entry.get("room", "")


def _living(entry: Entry, person: int, dwelling: int) -> Living:
    names = ("since", "category", "relation", "stay", "hukou", "employment", "employer")
    return Living(person, dwelling, Source.VISIT, **{name: entry.get(name) for name in names if name in entry.said})


def _registration(entry: Entry) -> RegistrationEntry:
    kind, number = entry.get("document")
    names = ("until", "receipt", "employment", "employer")
    said = {name: entry.get(name) for name in names if name in entry.said}
    return RegistrationEntry(CredentialKind(kind), number, entry.get("name"), entry.get("since"), **said)


def _address(key: tuple[str, str, str, str], entry: Entry, stands: Any) -> dict[str, Any]:
    elements = dict(stands.elements) if stands is not None else {}
    elements |= {name: entry.get(name) for name in ELEMENTS if name in entry.said}
    row = _at(key) | {"elements": elements}
    for name, default in (("code", None), ("plate", "unchecked"), ("plate_required", True), ("plate_on", None)):
        row[name] = entry.get(name, getattr(stands, name) if stands is not None else default)
    return row


def _dwelling(key: tuple[str, str, str, str], entry: Entry, stands: Any, address: int) -> dict[str, Any]:
    use = entry.get("use", stands.use if stands is not None else "unknown")
    return _at(key) | {"address": address, "use": use}


def _at(key: tuple[str, str, str, str]) -> dict[str, Any]:
    return dict(zip(("community", "building", "unit", "room"), key, strict=True))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
