"""What is known of one person on one civil day, and the arithmetic of days: ages, months, registrations that hold."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rules.model import AgeBand, MovedOut, Person, Registration, Role
from rules.policy import Policy

CHILD_UNDER = 16
"""Whoever is younger has no case of their own: the guardian declares them with the household."""
SENIOR_FROM = 60
SERVICE_MONTHS = 6
"""A household confirms its service staff for no longer than that; a later day is no confirmation."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one person on one day."""

    person: Person
    registrations: Sequence[Registration]
    policy: Policy
    today: date
    as_of: date | None
    """The day up to which the register is known; None when that is too long ago to go by."""

    @property
    def registered(self) -> bool:
        return covers(self.registrations, self.today)

    @property
    def deregistered(self) -> bool:
        """Whether registrations are known, and every one of them has ended."""
        return bool(self.registrations) and all(
            one.until is not None and one.until < self.today for one in self.registrations
        )

    @property
    def may_reside(self) -> bool:
        return self.person.role in (None, Role.RESIDENT) and not self.in_service

    @property
    def in_service(self) -> bool:
        """Whether a household has confirmed that they only work here."""
        until = self.person.service_until
        return until is not None and self.today <= until <= months_after(self.today, SERVICE_MONTHS)

    @property
    def at_home(self) -> bool:
        return self.person.known and self.person.dwelling

    @property
    def moved_out(self) -> MovedOut | None:
        """What says that they have moved out by today."""
        gone = self.person.moved_out
        return gone if gone is not None and gone.on <= self.today else None

    @property
    def age(self) -> int | None:
        return None if self.person.birth is None else age_on(self.person.birth, self.today)

    @property
    def child(self) -> bool:
        return self.age is not None and self.age < CHILD_UNDER

    def days_since(self, day: date) -> int:
        return (self.today - day).days


def covers(registrations: Iterable[Registration], day: date) -> bool:
    """Whether, by what is known now, the person was registered here on `day`; `until` is the last day that counts."""
    return any(one.since <= day and (one.until is None or day <= one.until) for one in registrations)


def age_on(birth: date, day: date) -> int:
    """Full years of age: a birthday counts from its own day; that of 29 February from 1 March in other years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def band_of(birth: date | None, day: date) -> AgeBand | None:
    """In which age band somebody is on a day; None where their birth date is unknown."""
    if birth is None:
        return None
    age = age_on(birth, day)
    return AgeBand.CHILD if age < CHILD_UNDER else AgeBand.ADULT if age < SENIOR_FROM else AgeBand.SENIOR


def months_after(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
