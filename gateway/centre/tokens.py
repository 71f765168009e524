"""Tokens of a community under the keys that are good for it, and the rotation of these keys.

A box that is lost takes a key along. From then on tokens are made by a new one. Identity numbers are known here, so
their tokens are made anew at once. Of a card the centre has the token alone: its old one stays good until the card is
shown, at a gate or at the desk, where its number is there to make the new one of. A gate seals that number for the
centre, which opens it in memory and keeps nothing of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from gateway import wire
from gateway.centre.sorting import Arrived, Batch
from gateway.keys import Master, NotAuthentic
from gateway.store.queries import people, tokens
from gateway.store.queries.tokens import Keys
from rules.model import Credential, CredentialKind, token_of

ROTATION_MS = 30 * 86_400_000
"""An old key is good at least so long: a station may have been away for a month, and then names swipes by it."""


class Tokens:
    """Used in the transaction of the caller."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def number(self, connection: Connection, community: str) -> int:
        """The number of the key that makes a community's tokens now."""
        return tokens.keys(connection, community).newest

    def of(self, connection: Connection, community: str, credentials: Iterable[Credential]) -> dict[Credential, bytes]:
        """The token of each credential by the newest key; what stands under an older one stands under it from now on.

        Raises:
            LookupError: there is no such community.
        """
        keys = tokens.keys(connection, community)
        newest = self._master.token_key(community, keys.newest)
        found = {one: token_of(newest, one) for one in credentials}
        for number in keys.older:
            older = self._master.token_key(community, number)
            newer = {token_of(older, one): token for one, token in found.items()}
            if tokens.carry(connection, community, newer, keys.newest):
                people.roster_is_stale(connection, community)
        return found

    def one(self, connection: Connection, community: str, credential: Credential) -> bytes:
        """As `of`, of one credential."""
        return self.of(connection, community, [credential])[credential]

    def rotate(self, connection: Connection, community: str, now: int) -> None:
        """Begin a rotation (`now` in ms, UTC): a new key, and new tokens of all whose numbers are known here."""
        tokens.begin(connection, community, now)
        self.of(connection, community, self._readable(tokens.with_numbers(connection, community)))

    def renew(self, connection: Connection, batch: Batch) -> None:
        """While a rotation lasts: name swipes by the newest tokens, as far as it is known what they are made of."""
        rotating = tokens.rotating(connection)
        here = [one for one in batch.swipes if one.peer.community in rotating and one.swipe.token is not None]
        for name in {one.peer.community for one in here}:
            self.of(connection, name, {c for one in here if one.peer.community == name for c in self._opened(one)})
        named = {(one.peer.community, one.swipe.token or b"") for one in here}
        called, known = tokens.now_called(connection, named), tokens.known(connection, named)
        if called or known:
            batch.swipes = [_named(one, called, known) for one in batch.swipes]

    def _opened(self, one: Arrived) -> Iterable[Credential]:
        """What was sealed with a swipe, where that is what the swipe's token was made of."""
        if one.swipe.sealed is None:
            return
        try:
            said = msgspec.json.decode(
                self._master.unseal(one.swipe.sealed, one.peer.name, one.epoch, one.swipe.seq), type=_Sealed
            )
            credential = Credential(CredentialKind(said.kind), said.number)
        except (NotAuthentic, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            return
        if one.swipe.token == token_of(self._master.token_key(one.peer.community, one.swipe.key), credential):
            yield credential

    def _readable(self, rows: Sequence[tuple[str, bytes]]) -> Iterable[Credential]:
        for kind, number in rows:
            try:
                yield Credential(CredentialKind(kind), self._master.show("persons.number", number))
            except NotAuthentic:
                continue  # a damaged row is nobody's whom the gate could know


def keys_now(connection: Connection, community: str, now: int) -> Keys:
    """The keys that are good now (ms, UTC): a rotation whose time is over and that no card waits for ends with this."""
    began = tokens.rotating(connection).get(community)
    if began is not None and now - began >= ROTATION_MS and not tokens.waiting(connection, community):
        tokens.end(connection, community)
    return tokens.keys(connection, community)


def handed_out(master: Master, community: str, keys: Keys) -> list[wire.TokenKey]:
    """What stations must be told to use these keys: nothing, while each has the first one from its enrolment."""
    if keys.newest == 1:
        return []
    numbers = (keys.newest, *keys.older[: wire.MAX_OLDER])
    return [wire.TokenKey(number, master.token_key(community, number)) for number in numbers]


class _Sealed(msgspec.Struct, frozen=True):
    kind: str
    number: str


def _named(one: Arrived, called: dict[tuple[str, bytes], bytes], known: Collection[tuple[str, bytes]]) -> Arrived:
    """A swipe by its newest token; of somebody who is known here nothing stays that was sealed."""
    name = one.peer.community, one.swipe.token or b""
    token = called.get(name)
    if token is not None:
        return replace(one, swipe=msgspec.structs.replace(one.swipe, token=token))
    if name in known and one.swipe.sealed is not None:
        return replace(one, swipe=msgspec.structs.replace(one.swipe, sealed=None))
    return one
