"""The accounts: made by invitation, signed in to by password and second factor, with sessions that end by themselves.

Nobody but its owner ever knows a password: whoever is added gets an invitation that is good once, for three days.
"""

import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.keys import Master, words
from gateway.store.queries import accounts
from rules.roles import SECOND_FACTOR, Role, mistakes

INVITED_MS = 3 * 86_400_000
LONGEST_MS = 12 * 3_600_000
"""A session ends so long after it began, whatever is done in it."""
IDLE_MS = 30 * 60_000
IDLE_STRICT_MS = 15 * 60_000
"""For those who need a second factor."""
SEEN_MS = 60_000
RECOVERY_CODES = 8
COLUMN = "accounts.totp"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_ROLES = {role.value: role for role in Role}
_AT_ONCE = threading.BoundedSemaphore(2)
"""So many passwords are looked at side by side: each takes 64 MiB."""


class NotAllowed(Exception):
    """An account cannot be as it is asked for; `code` says why, and has a text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signed:
    """A session: who it is, in which roles, where; `needs` what is to be done before anything else, or ""."""

    session: int
    account: int
    name: str
    shown: str
    roles: tuple[Role, ...]
    scope: str
    needs: str
    """"second" (show the second factor), "enrol" (set one up), or ""."""


class Accounts:
    """Each act is in the transaction of the caller."""

    def __init__(self, master: Master, *, district: bool) -> None:
        self._master = master
        self._district = district

    def add(
        self, connection: Connection, who: Who, name: str, shown: str, roles: Iterable[Role], scope: str = ""
    ) -> str:
        """Add an account; its invitation, shown once.

        Raises:
            NotAllowed: the name is none or taken, or the roles do not go together.
        """
        held = sorted(set(roles))
        self._fits(name, held, scope)
        if accounts.named(connection, name) is not None:
            raise NotAllowed("taken")
        code = secrets.token_urlsafe(18)
        values = {"name": name, "shown": shown.strip() or name, "roles": [one.value for one in held], "scope": scope}
        made = {"created": who.at, "created_by": who.actor}
        accounts.add(connection, values | made | self._invitation(code, who.at))
        audit.note(connection, who, "account.add", f"accounts/{name}", purpose=", ".join(held))
        return code

    def invite_again(self, connection: Connection, who: Who, name: str) -> str:
        """A new invitation for somebody who lost the way in: password and second factor are gone, sessions ended."""
        row = self._row(connection, name)
        code = secrets.token_urlsafe(18)
        accounts.change(connection, row.id, {"password": None, "totp": None} | self._invitation(code, who.at))
        accounts.set_recovery(connection, row.id, [])
        accounts.close(connection, account=row.id)
        audit.note(connection, who, "account.invite", f"accounts/{name}")
        return code

    def change(
        self, connection: Connection, who: Who, name: str, *, roles: Iterable[Role], scope: str, disabled: bool
    ) -> None:
        """Set what an account may do. Whoever is signed in with it has to sign in again.

        Raises:
            NotAllowed: the roles do not go together, or it would be the last that may add accounts.
        """
        row, held = self._row(connection, name), sorted(set(roles))
        self._fits(name, held, scope)
        if disabled or Role.SECURITY not in held:
            others = [one for one in accounts.listed(connection) if one.id != row.id and not one.disabled]
            if Role.SECURITY in row.roles and not any(Role.SECURITY in one.roles for one in others):
                raise NotAllowed("last")
        said = {"roles": [one.value for one in held], "scope": scope, "disabled": disabled}
        accounts.change(connection, row.id, said)
        accounts.close(connection, account=row.id)
        purpose = "disabled" if disabled else ", ".join(held)
        audit.note(connection, who, "account.change", f"accounts/{name}", purpose=purpose)

    def welcome(self, connection: Connection, code: str, password: str, now: int) -> str:
        """Take up an invitation with a password of one's own; the account's name.

        Raises:
            NotAllowed: the invitation is not good, or the password too short or too long.
        """
        row = accounts.invited(connection, self._lookup("invite", code), now)
        if row is None:
            raise NotAllowed("invitation")
        if not words.SHORTEST <= len(password) <= words.LONGEST or row.name in password.lower():
            raise NotAllowed("password")
        said = {"password": words.hash_password(password), "invite": None, "invite_until": None}
        accounts.change(connection, row.id, said)
        audit.note(connection, Who(row.name, "", now), "account.welcome", f"accounts/{row.name}")
        return str(row.name)

    def is_password(self, connection: Connection, name: str, password: str) -> bool:
        """Whether this password opens this account; as slow for a name that nobody has."""
        row = accounts.named(connection, name)
        known = None if row is None or row.disabled else row.password
        with _AT_ONCE:
            return words.is_password(known, password[: words.LONGEST + 1])

    def open(self, connection: Connection, name: str, agent: str, now: int) -> str:
        """The token of a new session after a password that was right."""
        row, token = self._row(connection, name), secrets.token_urlsafe(32)
        values = {"account": row.id, "lookup": self._lookup("sign_in", token), "agent": self._lookup("agent", agent)}
        accounts.open_sign_in(connection, values | {"second": row.totp is None, "created": now, "seen": now})
        audit.note(connection, Who(name, "", now), "sign_in", f"accounts/{name}")
        return token

    def signed(self, connection: Connection, token: str, agent: str, now: int) -> Signed | None:
        """Whose session it is; None where it is over, of another browser, or never was one."""
        row = accounts.sign_in(connection, self._lookup("sign_in", token))
        if row is None or row.agent != self._lookup("agent", agent):
            return None
        roles = tuple(_ROLES[one] for one in row.account_roles if one in _ROLES)
        strict = bool(SECOND_FACTOR & set(roles))
        idle = IDLE_STRICT_MS if strict else IDLE_MS
        if not row.created <= now < row.created + LONGEST_MS or now - row.seen >= idle:
            return None
        needs = "" if row.second else "second"
        if self._district and strict and row.account_totp is None:
            needs = "enrol"
        return Signed(row.id, row.account_id, row.account_name, row.account_shown, roles, row.account_scope, needs)

    def stale(self, connection: Connection, token: str, now: int) -> int | None:
        """The session's number where it is to be noted that it is in use."""
        row = accounts.sign_in(connection, self._lookup("sign_in", token))
        return row.id if row is not None and now - row.seen >= SEEN_MS else None

    def second(self, connection: Connection, signed: Signed, code: str, now: int) -> bool:
        """Show the second factor: a code of the app, or one of the recovery codes, each good once."""
        row = self._row(connection, signed.name)
        if row.totp is None:
            return False
        step = words.totp_step(self._master.show_bytes(COLUMN, row.totp), code, row.totp_step, now / 1000)
        good = step is not None and accounts.step_used(connection, row.id, step)
        if not good:
            good = accounts.recovery_used(connection, row.id, self._lookup("recovery", code.strip().lower()))
        if good:
            accounts.second_shown(connection, signed.session)
            audit.note(connection, Who(signed.name, "", now), "sign_in.second", f"accounts/{signed.name}")
        return good

    def set_second(self, connection: Connection, signed: Signed, key: bytes, code: str, now: int) -> list[str] | None:
        """Set up the second factor by its key and a first code; the recovery codes, or None for a wrong code."""
        step = words.totp_step(key, code, 0, now / 1000)
        if step is None:
            return None
        codes = [f"{secrets.token_hex(3)}-{secrets.token_hex(3)}" for _ in range(RECOVERY_CODES)]
        accounts.change(connection, signed.account, {"totp": self._master.hide(COLUMN, key), "totp_step": step})
        accounts.set_recovery(connection, signed.account, [self._lookup("recovery", one) for one in codes])
        accounts.second_shown(connection, signed.session)
        audit.note(connection, Who(signed.name, "", now), "account.second", f"accounts/{signed.name}")
        return codes

    def set_password(self, connection: Connection, signed: Signed, old: str, new: str, now: int) -> None:
        """Change one's own password; every other session ends with this one.

        Raises:
            NotAllowed: the old one is wrong, or the new one too short or too long.
        """
        if not self.is_password(connection, signed.name, old):
            raise NotAllowed("old")
        if not words.SHORTEST <= len(new) <= words.LONGEST or signed.name in new.lower():
            raise NotAllowed("password")
        accounts.change(connection, signed.account, {"password": words.hash_password(new)})
        accounts.close(connection, account=signed.account)
        audit.note(connection, Who(signed.name, "", now), "account.password", f"accounts/{signed.name}")

    def device(self, name: str, nonce: str) -> str:
        """What a browser holds of a sign-in that went well; it opens nothing, and stands for itself in the lockout."""
        return f"{nonce}.{self._lookup(f'device {name}', nonce).hex()}"

    def is_device(self, name: str, cookie: str) -> str:
        """The browser's nonce where the cookie is of this account; "" for any other."""
        nonce, _, _ = cookie.partition(".")
        return nonce if nonce and secrets.compare_digest(cookie.encode(), self.device(name, nonce).encode()) else ""

    def _fits(self, name: str, roles: list[Role], scope: str) -> None:
        if not NAME.fullmatch(name):
            raise NotAllowed("name")
        for code in mistakes(roles, scope, district=self._district):
            raise NotAllowed(code)

    def _row(self, connection: Connection, name: str) -> Row[Any]:
        row = accounts.named(connection, name)
        if row is None:
            raise LookupError(f"there is no account {name}")
        return row

    def _invitation(self, code: str, now: int) -> dict[str, object]:
        return {"invite": self._lookup("invite", code), "invite_until": now + INVITED_MS}

    def _lookup(self, what: str, text: str) -> bytes:
        return self._master.index(f"{what}\x1f{text}")
