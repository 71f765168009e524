"""How a slip stands, said to its police station by the routes that it has: rows that are delivered after the commit."""

from typing import Any

from sqlalchemy import Connection

from gateway import wire
from gateway.centre import webhooks
from gateway.routes import Routes
from gateway.store.queries import casefile, people, streams
from rules.cases import AlertState

CLEARED_MS = 7 * 86_400_000
"""Slips that were closed so long ago at most are cleared again when the broker comes back."""
_AT_THE_POLICE = {AlertState.SENT: "sent", AlertState.ACKNOWLEDGED: "acknowledged"}


class Announcer:
    """Writes in the transaction of the caller. `base_url` is where the API gives the particulars."""

    def __init__(self, base_url: str, routes: Routes) -> None:
        self._base_url = base_url.rstrip("/")
        self._routes = routes

    def say(self, connection: Connection, row: Any, now: int, *, counted: bool = False) -> None:
        """Say how a slip stands, `row` as it is now; one that the police have no more is closed, then cleared."""
        police = self._routes.of(row.police_station)
        if not police.mqtt and police.webhook is None:
            return
        thin = self._thin(connection, row)
        if police.mqtt:
            self._publish(connection, row, thin, now, counted=counted)
        if police.webhook is not None:
            webhooks.event(connection, police.name, self._base_url, f"xiaoqu.slip.{row.state}", thin, now)

    def republish(self, connection: Connection, now: int) -> None:
        """Put what the police have before them into the outbox again, and what they have no more: to be cleared.

        The broker may have forgotten what it retained, or remember what was cleared since.
        """
        waiting = streams.outbox_topics(connection)
        for row in casefile.cleared_alerts(connection, now - CLEARED_MS):
            topic = wire.alert_topic(row.police_station, row.slip)
            if topic not in waiting and self._routes.of(row.police_station).mqtt:
                streams.add_outbox(connection, topic, b"", None, now)
        for row in casefile.sent_alerts(connection):
            topic = wire.alert_topic(row.police_station, row.slip)
            if topic not in waiting and self._routes.of(row.police_station).mqtt:
                self._publish(connection, row, self._thin(connection, row), now)

    def _publish(self, connection: Connection, row: Any, thin: wire.Alert, now: int, *, counted: bool = False) -> None:
        topic = wire.alert_topic(row.police_station, row.slip)
        streams.add_outbox(connection, topic, wire.encode(thin), row.slip if counted else None, now)
        if thin.state == "closed":
            streams.add_outbox(connection, topic, b"", None, now)

    def _thin(self, connection: Connection, row: Any) -> wire.Alert:
        """No name, number or dwelling."""
        case = casefile.case(connection, row.case)
        community = streams.community(connection, row.community)
        if case is None or community is None:
            raise LookupError("there is no such case or community")
        tokens = people.tokens_of(connection, row.community, case.person) if case.person else [case.token]
        return wire.Alert(
            id=row.slip,
            revision=row.revision,
            state=_AT_THE_POLICE.get(AlertState(row.state), "closed"),  # type: ignore[arg-type]
            community=row.community,
            portal=streams.newest_portal(connection, row.community, tokens),
            rule=row.rule,
            since=row.since.isoformat(),
            register_as_of=community.register_as_of.isoformat() if community.register_as_of else None,
            particulars=f"{self._base_url}/api/v1/alerts/{row.slip}",
            sending=row.sending,
            repeats=row.repeats,
        )
