"""What people do about the webhook of a police station: a test event, and a replay of what was given up; noted."""

from sqlalchemy import Connection

from gateway.centre.webhooks import TEST, event
from gateway.routes import Police, WebhookRoute
from gateway.store.queries import history, webhooks
from gateway.store.queries.history import By
from rules.cases import NotPossible


def send_test(connection: Connection, police: Police, base_url: str, by: By) -> int:
    """Put a test event into the station's queue; its number. NotPossible where the station has no webhook."""
    _route(police)
    number = event(connection, police.name, base_url, TEST, None, by.at)
    _note(connection, police, by, number, "test")
    return number


def replay(connection: Connection, police: Police, number: int | None, by: By) -> int:
    """Have one event, or all dead ones, delivered again under their ids; how many.

    Raises:
        LookupError: there is no such event. NotPossible: it waits already, the endpoint is gone, or there is none.
    """
    route = _route(police)
    if webhooks.gone(connection, police.name, route.url):
        raise NotPossible("the endpoint has said that it is gone: it takes a test event first")
    if number is not None and webhooks.one(connection, police.name, number) is None:
        raise LookupError("there is no such event")
    count = webhooks.replay(connection, police.name, number, by.at)
    if number is not None and not count:
        raise NotPossible("this event waits to be delivered already")
    _note(connection, police, by, number or 0, "replay")
    return count


def _route(police: Police) -> WebhookRoute:
    if police.webhook is None:
        raise NotPossible("this police station has no webhook")
    return police.webhook


def _note(connection: Connection, police: Police, by: By, number: int, act: str) -> None:
    history.note(connection, by, "webhook_events", [(number, None, {act: [None, police.name]})])
