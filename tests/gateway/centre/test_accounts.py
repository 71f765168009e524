"""Accounts: by invitation, sign-in, second factor, sessions that end; and the record of acts that shows any change."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from gateway.centre import audit
from gateway.centre.accounts.book import IDLE_MS, IDLE_STRICT_MS, INVITED_MS, LONGEST_MS, Accounts, NotAllowed
from gateway.centre.accounts.lockout import FAILURES, PAUSE_S, Lockout
from gateway.centre.audit import Broken, Who
from gateway.keys import words
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from rules.roles import THREE, Role
from tests.gateway.centre.office import MASTER, YUAN
from tests.gateway.store.databases import copied

AT = 1_800_000_000_000
SECURITY = Who("security-1", "security", AT)
PASSWORD = "a long way home"
AGENT = "Mozilla/5.0"


class Book:
    """The accounts of one database, each act in a transaction of its own."""

    def __init__(self, database: Database, *, district: bool) -> None:
        self.database = database
        self.book = Accounts(MASTER, district=district)

    def add(self, name: str, *roles: Role, scope: str = "", password: str = PASSWORD) -> None:
        with self.database.write() as connection:
            code = self.book.add(connection, SECURITY, name, "", roles, scope)
            assert self.book.welcome(connection, code, password, AT) == name

    def sign_in(self, name: str, at: int = AT) -> str:
        with self.database.write() as connection:
            assert self.book.is_password(connection, name, PASSWORD)
            return self.book.open(connection, name, AGENT, at)

    def needs(self, token: str, at: int = AT, agent: str = AGENT) -> str | None:
        """What a session needs before anything else; None where it is none."""
        with self.database.read() as connection:
            signed = self.book.signed(connection, token, agent, at)
        return None if signed is None else signed.needs


@pytest.fixture
def lone(template: Path, tmp_path: Path) -> Iterator[Database]:
    made = Database(copied(template, tmp_path))
    yield made
    made.close()


@pytest.fixture
def compound(lone: Database) -> Book:
    return Book(lone, district=False)


@pytest.fixture
def district(lone: Database) -> Book:
    return Book(lone, district=True)


def refused(call: object) -> str:
    with pytest.raises(NotAllowed) as refusal:
        call()  # type: ignore[operator]
    return refusal.value.code


def test_an_invitation_is_good_once_and_for_three_days(compound: Book) -> None:
    book = compound.book
    with compound.database.write() as connection:
        code = book.add(connection, SECURITY, "wang", "王", [Role.WORKER], YUAN)
        assert not book.is_password(connection, "wang", ""), "nobody has chosen a password"
        assert refused(lambda: book.welcome(connection, code, PASSWORD, AT + INVITED_MS + 1)) == "invitation"
        assert refused(lambda: book.welcome(connection, code, "short", AT)) == "password"
        assert refused(lambda: book.welcome(connection, code, "my name is WANG", AT)) == "password"
        assert book.welcome(connection, code, PASSWORD, AT + INVITED_MS) == "wang"
        assert refused(lambda: book.welcome(connection, code, PASSWORD, AT)) == "invitation"
        assert book.is_password(connection, "wang", PASSWORD)
        assert not book.is_password(connection, "wang", PASSWORD + " ")
        assert not book.is_password(connection, "nobody", PASSWORD)


@pytest.mark.parametrize(
    ("roles", "scope", "code"),
    [
        ([], "", "none"),
        ([Role.WORKER], "", "scope"),
        ([Role.POLICE, Role.REVIEWER], YUAN, "police"),
        *(([one, other], "", "three") for one, other in pairwise(sorted(THREE))),
    ],
)
def test_roles_that_do_not_go_together_are_refused(district: Book, roles: list[Role], scope: str, code: str) -> None:
    with district.database.write() as connection:
        assert refused(lambda: district.book.add(connection, SECURITY, "li", "", roles, scope)) == code


def test_a_compound_may_have_one_owner(compound: Book) -> None:
    compound.add("owner", *THREE)
    with compound.database.write() as connection:
        assert refused(lambda: compound.book.add(connection, SECURITY, "owner", "", [Role.COMMITTEE])) == "taken"
        for odd in ("Owner", "o", "o w", "o" * 41, "-o", ""):
            assert refused(lambda odd=odd: compound.book.add(connection, SECURITY, odd, "", [Role.COMMITTEE])) == "name"


def test_the_last_one_who_may_add_accounts_stays(compound: Book) -> None:
    compound.add("first", Role.SECURITY)
    compound.add("second", Role.SECURITY)
    change = compound.book.change
    with compound.database.write() as connection:
        change(connection, SECURITY, "first", roles=[Role.SECURITY], scope="", disabled=True)
        last = {"roles": [Role.SECURITY], "scope": "", "disabled": True}
        assert refused(lambda: change(connection, SECURITY, "second", **last)) == "last"  # type: ignore[arg-type]


def test_a_session_ends_by_idling_by_age_elsewhere_and_by_what_happens_to_its_account(database: Database) -> None:
    compound = Book(database, district=False)
    compound.add("wang", Role.WORKER, scope=YUAN)
    token = compound.sign_in("wang")
    assert compound.needs(token) == ""
    assert compound.needs(token, agent="another browser") is None
    assert compound.needs("x" + token[1:]) is None
    assert compound.needs(token, AT - 1) is None, "a clock that went back"
    assert compound.needs(token, AT + IDLE_MS - 1) == ""
    assert compound.needs(token, AT + IDLE_MS) is None
    with compound.database.write() as connection:
        number = compound.book.stale(connection, token, AT + IDLE_MS - 1)
        assert number is not None
        rows.seen(connection, number, AT + IDLE_MS - 1)
        assert compound.book.stale(connection, token, AT + IDLE_MS) is None, "once a minute"
    assert compound.needs(token, AT + IDLE_MS) == ""
    with compound.database.write() as connection:
        rows.seen(connection, number, AT + LONGEST_MS)
    assert compound.needs(token, AT + LONGEST_MS - 1) == ""
    assert compound.needs(token, AT + LONGEST_MS) is None
    other = compound.sign_in("wang")
    with compound.database.write() as connection:
        kept = {"roles": [Role.REVIEWER], "scope": YUAN, "disabled": False}
        compound.book.change(connection, SECURITY, "wang", **kept)  # type: ignore[arg-type]
    assert compound.needs(other) is None
    other = compound.sign_in("wang")
    with compound.database.write() as connection:
        compound.book.invite_again(connection, SECURITY, "wang")
        assert not compound.book.is_password(connection, "wang", PASSWORD)
    assert compound.needs(other) is None


def test_the_second_factor_is_needed_in_a_district_and_each_code_is_good_once(district: Book) -> None:
    district.add("officer", Role.POLICE, scope="jiangwan")
    token, book = district.sign_in("officer"), district.book
    assert district.needs(token) == "enrol"
    assert district.needs(token, AT + IDLE_STRICT_MS) is None
    key = words.new_totp_key()
    with district.database.write() as connection:
        signed = book.signed(connection, token, AGENT, AT)
        assert signed is not None
        assert (
            book.set_second(
                connection, signed, key, "000000" if words.totp_code(key, AT / 1000) != "000000" else "1", AT
            )
            is None
        )
        recovery = book.set_second(connection, signed, key, words.totp_code(key, AT / 1000), AT)
        assert recovery is not None
        assert len(set(recovery)) == len(recovery)
    assert district.needs(token) == ""
    later = AT + 60_000
    again = district.sign_in("officer", later)
    assert district.needs(again, later) == "second"
    with district.database.write() as connection:
        signed = book.signed(connection, again, AGENT, later)
        assert signed is not None
        assert not book.second(connection, signed, words.totp_code(key, AT / 1000), AT), "the one it was set up with"
        assert not book.second(connection, signed, "12345", later)
        assert not book.second(connection, signed, "١٢٣٤٥٦", later)
        assert book.second(connection, signed, words.totp_code(key, later / 1000), later)
        assert not book.second(connection, signed, words.totp_code(key, later / 1000), later)
        assert book.second(connection, signed, recovery[0].upper(), later)
        assert not book.second(connection, signed, recovery[0], later)
    assert district.needs(again, later) == ""


def test_a_compound_asks_for_a_second_factor_where_one_is_set_up(compound: Book) -> None:
    compound.add("owner", *THREE)
    assert compound.needs(compound.sign_in("owner")) == ""


def test_nothing_of_a_secret_stands_in_the_database(compound: Book) -> None:
    compound.add("owner", *THREE)
    token, key = compound.sign_in("owner"), words.new_totp_key()
    with compound.database.write() as connection:
        signed = compound.book.signed(connection, token, AGENT, AT)
        assert signed is not None
        recovery = compound.book.set_second(connection, signed, key, words.totp_code(key, AT / 1000), AT)
        assert recovery is not None
        held = b""
        for table in (t.accounts, t.sign_ins, t.recovery_codes, t.audit):
            for row in connection.execute(table.select()):
                held += b"".join(one if isinstance(one, bytes) else str(one).encode() for one in row)
    for secret in (PASSWORD.encode(), token.encode(), key, words.totp_secret(key).encode(), recovery[0].encode()):
        assert secret not in held


def test_a_stranger_cannot_lock_out_whose_account_it_is() -> None:
    now = [0.0]
    lockout = Lockout(clock=lambda: now[0])
    for _ in range(FAILURES):
        assert lockout.wait_s("wang") == 0
        lockout.failed("wang")
    assert lockout.wait_s("wang") == PAUSE_S
    assert lockout.wait_s("wang", "its browser") == 0
    assert lockout.wait_s("li") == 0
    now[0] = PAUSE_S - 0.5
    assert lockout.wait_s("wang") == 1
    now[0] = PAUSE_S
    assert lockout.wait_s("wang") == 0
    for _ in range(FAILURES):
        lockout.failed("wang", "its browser")
    assert lockout.wait_s("wang", "its browser") == PAUSE_S
    lockout.went_well("wang", "its browser")
    assert lockout.wait_s("wang", "its browser") == 0


def test_a_device_cookie_is_good_for_its_account_alone() -> None:
    book = Accounts(MASTER, district=False)
    cookie = book.device("wang", "0123abcd")
    assert book.is_device("wang", cookie) == "0123abcd"
    assert [book.is_device(*odd) for odd in (("li", cookie), ("wang", cookie + "0"), ("wang", ""), ("wang", "é."))] == [
        ""
    ] * 4


@pytest.fixture
def written(database: Database) -> Iterator[Database]:
    """A database with ten recorded acts."""
    for n in range(10):
        with database.write() as connection:
            audit.note(
                connection, Who("审核员", "reviewer", AT + n), "reveal", f"persons/{n}", community=YUAN, purpose="核对"
            )
    return database


def test_the_record_of_acts_holds_as_it_was_written(written: Database) -> None:
    with written.read() as connection:
        assert audit.verify(connection, MASTER.lists_public()) == 10


@pytest.mark.parametrize("column", ["at", "actor", "role", "act", "about", "community", "purpose"])
def test_a_changed_row_shows(written: Database, column: str) -> None:
    with written.write() as connection:
        connection.execute(update(t.audit).where(t.audit.c.id == 4).values({column: 1 if column == "at" else "x"}))
        assert audit.verify(connection, MASTER.lists_public()) == Broken(4, 3)


def test_a_missing_row_and_two_that_changed_places_show(written: Database) -> None:
    with written.write() as connection:
        connection.execute(delete(t.audit).where(t.audit.c.id == 6))
        assert audit.verify(connection, MASTER.lists_public()) == Broken(7, 5)
    with written.write() as connection:
        connection.execute(update(t.audit).where(t.audit.c.id == 2).values(id=99))
        connection.execute(update(t.audit).where(t.audit.c.id == 3).values(id=2))
        assert isinstance(found := audit.verify(connection, MASTER.lists_public()), Broken)
        assert found.id == 2
