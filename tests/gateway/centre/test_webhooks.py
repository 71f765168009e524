"""Webhooks: at least once under one id, ten tries over three days, signed by every secret that holds, and thin."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gateway.centre import webhooks as sending
from gateway.centre.replaying import replay, send_test
from gateway.centre.webhooks import AGAIN_AFTER_S, TRIES, Webhook, asked_for
from gateway.keys import write_secret
from gateway.routes import Police, Routes, WebhookRoute
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import webhooks
from gateway.store.queries.history import By
from rules.cases import NotPossible
from simulators.receiver import Hang, Receiver, Reset, Say, Sent
from tests.gateway.centre.office import NOW, OTHER_POLICE, POLICE, Office
from tests.gateway.centre.test_slips import NAME, A, send, sent, visit

BASE = "https://centre.example"
SECRET, OLD_SECRET = b"s" * 32, b"o" * 24
ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "police.md").read_text(encoding="utf-8")


def written(*secrets: bytes) -> str:
    return "\n".join("whsec_" + base64.b64encode(one).decode() for one in secrets)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def police(receiver: Receiver, tmp_path: Path) -> Police:
    write_secret(tmp_path / "one.secret", written(SECRET))
    return Police(
        name=POLICE,
        routes=(WebhookRoute(url=receiver.url, secret_file=tmp_path / "one.secret", allow_internal=True),),
    )


@pytest.fixture
def hooked(database: Database, police: Police) -> Office:
    """A centre whose police station has a webhook and nothing else, on SQLite and on PostgreSQL."""
    return Office(database, routes=Routes([police]))


def sender(office: Office, police: Police, chance: float = 0.5) -> Webhook:
    return Webhook(office.database, police, office.casework.now, chance=lambda: chance)


def queue(office: Office) -> list[tuple[str, str, int]]:
    return [(row.kind, row.state, row.tries) for row in office.rows(t.webhook_events)]


def later(office: Office, seconds: float) -> None:
    office.moment += timedelta(seconds=seconds)


def bodies(receiver: Receiver) -> list[dict[str, object]]:
    return [json.loads(one.body) for one in receiver.requests]


def test_an_event_is_a_thin_cloudevent(hooked: Office, police: Police, receiver: Receiver) -> None:
    slip = sent(hooked)
    assert hooked.rows(t.outbox) == [], "the bus is no route of this station"
    assert sender(hooked, police).turn() == 1
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert json.loads(request.body) == {
        "specversion": "1.0",
        "id": request.headers["webhook-id"],
        "source": f"{BASE}/api/v1/police/{POLICE}",
        "type": "xiaoqu.slip.sent",
        "subject": slip.slip,
        "time": "2026-11-23T13:00:00.000+00:00",
        "datacontenttype": "application/json",
        "data": {
            "id": slip.slip,
            "revision": 2,
            "state": "sent",
            "community": slip.community,
            "portal": "east",
            "rule": "overdue",
            "since": slip.since.isoformat(),
            "register_as_of": "2026-11-23",
            "particulars": f"{BASE}/api/v1/alerts/{slip.slip}",
            "sending": 1,
            "repeats": 0,
        },
    }
    said = request.body.decode().replace(slip.slip, "").replace(request.headers["webhook-id"], "")
    for secret in (A, NAME, "501", "3栋", A[6:14]):
        assert secret not in said, "and no number drawn by chance counts"
    assert queue(hooked) == [("xiaoqu.slip.sent", "delivered", 1)]
    assert sender(hooked, police).turn() == 0


def test_every_change_of_a_slip_is_an_event_in_its_order(hooked: Office, police: Police, receiver: Receiver) -> None:
    slip = sent(hooked)
    assert hooked.settle(hooked.answer(slip.slip, "acknowledged"))
    assert hooked.settle(hooked.answer(slip.slip, "returned"))
    send(hooked, hooked.rows(t.alerts)[0])
    later(hooked, 3600)
    visit(hooked, slip.case)
    assert hooked.settle(hooked.answer(slip.slip, "wrong"))
    one = sender(hooked, police)
    while one.turn():
        pass
    assert [(body["type"], body["data"]["revision"]) for body in bodies(receiver)] == [  # type: ignore[index]
        ("xiaoqu.slip.sent", 2),
        ("xiaoqu.slip.acknowledged", 3),
        ("xiaoqu.slip.returned", 4),
        ("xiaoqu.slip.sent", 5),
        ("xiaoqu.slip.sent", 6),
        ("xiaoqu.slip.closed", 8),
    ]


def test_a_later_event_of_a_slip_waits_for_the_one_before_it_and_for_no_other_slips(
    small: Office, police: Police, receiver: Receiver
) -> None:
    small.slips = Office(small.database, routes=Routes([police])).slips
    first = sent(small, A)
    assert small.settle(small.answer(first.slip, "acknowledged"))
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, sending.TEST, None, small.casework.now())
    receiver.then(Say(500))
    assert sender(small, police).turn() == 2
    assert [row[1] for row in queue(small)] == ["waiting", "waiting", "delivered"]
    later(small, 6)
    while sender(small, police).turn():
        pass
    assert [body.get("type") for body in bodies(receiver)][-2:] == ["xiaoqu.slip.sent", "xiaoqu.slip.acknowledged"]


def test_ten_tries_over_75_hours_then_it_is_dead_and_may_be_replayed_under_its_id(
    hooked: Office, police: Police, receiver: Receiver
) -> None:
    sent(hooked)
    receiver.then(*[Say(500)] * 4, Reset(), *[Say(404)] * 5)
    begun = hooked.moment
    assert sender(hooked, police).turn() == 1
    for pause in AGAIN_AFTER_S:
        later(hooked, pause - 1)
        assert sender(hooked, police).turn() == 0, "not before its time"
        later(hooked, 1)
        assert sender(hooked, police).turn() == 1
    assert (len(receiver.requests), TRIES) == (10, 10)
    assert timedelta(hours=75) < hooked.moment - begun < timedelta(hours=76)
    assert queue(hooked) == [("xiaoqu.slip.sent", "dead", 10)]
    later(hooked, 10 * 86_400)
    assert sender(hooked, police).turn() == 0
    with hooked.database.write() as connection:
        assert replay(connection, police, None, By("admin", hooked.casework.now())) == 1
    assert sender(hooked, police).turn() == 1
    assert queue(hooked) == [("xiaoqu.slip.sent", "delivered", 1)]
    assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1
    assert len({one.body for one in receiver.requests}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.requests}) == 11, "the time is that of the try"


@pytest.mark.parametrize(("chance", "due_s"), [(0.0, 4.5), (0.5, 5.0), (1.0, 5.5)])
def test_a_pause_is_longer_or_shorter_by_chance(
    small: Office, police: Police, receiver: Receiver, chance: float, due_s: float
) -> None:
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    receiver.then(Say(500))
    sender(small, police, chance).turn()
    (row,) = small.rows(t.webhook_events)
    assert (row.due - small.casework.now()) / 1000 == due_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(seconds=90)), 90),
        ("99999999", 86_400),
        ("1", 5),
        ("-5", 5),
        ("soon", 5),
        ("٣٠٠", 5),
        (format_datetime(NOW - timedelta(days=1)), 5),
    ],
)
def test_the_next_try_is_no_sooner_than_the_receiver_asks_within_a_day(
    small: Office, police: Police, receiver: Receiver, header: str, seconds: int
) -> None:
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    receiver.then(Say(503, {"Retry-After": header} if header.isascii() else {}))
    sender(small, police).turn()
    (row,) = small.rows(t.webhook_events)
    assert (row.due - small.casework.now()) / 1000 == seconds
    assert (row.status, row.tries) == (503, 1)


def test_a_retry_after_is_never_more_than_a_number_of_seconds() -> None:
    assert asked_for(None, 0) == asked_for("", 0) == asked_for("٣٠٠", 0) == asked_for("1" * 400 + "x", 0) == 0
    assert asked_for("9" * 400, 0) == 999_999_999_999


def test_a_receiver_that_is_gone_gets_nothing_more_until_it_has_taken_a_test(
    hooked: Office, police: Police, receiver: Receiver
) -> None:
    slip = sent(hooked)
    assert hooked.settle(hooked.answer(slip.slip, "acknowledged"))
    receiver.then(Say(410))
    assert sender(hooked, police).turn() == 1
    assert [row[1] for row in queue(hooked)] == ["dead", "dead"]
    assert hooked.settle(hooked.answer(slip.slip, "returned"))
    assert sender(hooked, police).turn() == 0
    assert [(row.state, row.problem) for row in hooked.rows(t.webhook_events)][1:] == [("dead", "gone")] * 2
    by = By("admin", hooked.casework.now())
    with hooked.database.write() as connection, pytest.raises(NotPossible, match="gone"):
        replay(connection, police, None, by)
    with hooked.database.write() as connection:
        send_test(connection, police, BASE, by)
    receiver.then(Say(500))
    assert sender(hooked, police).turn() == 1
    with hooked.database.read() as connection:
        assert webhooks.gone(connection, POLICE, receiver.url), "it did not take the test"
    with hooked.database.write() as connection:
        send_test(connection, police, BASE, by)
    assert sender(hooked, police).turn() == 1
    with hooked.database.write() as connection:
        assert replay(connection, police, None, by) == 4
    while sender(hooked, police).turn():
        pass
    assert {row[1] for row in queue(hooked)} == {"delivered"}


def test_another_address_in_the_configuration_is_another_endpoint(
    small: Office, police: Police, receiver: Receiver
) -> None:
    with small.database.write() as connection:
        webhooks.set_gone(connection, POLICE, "https://old.example/", 1)
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    assert sender(small, police).turn() == 1
    assert [row[1] for row in queue(small)] == ["delivered"]


def test_an_inner_address_is_refused_without_leave(
    small: Office, police: Police, receiver: Receiver, tmp_path: Path
) -> None:
    url = receiver.url.replace("http:", "https:")
    strict = Police(name=POLICE, routes=(WebhookRoute(url=url, secret_file=tmp_path / "one.secret"),))
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    sender(small, strict).turn()
    (row,) = small.rows(t.webhook_events)
    assert (row.state, row.problem, receiver.requests) == ("waiting", "internal", [])


def test_a_secret_that_cannot_be_read_sends_nothing_and_is_a_try(
    small: Office, police: Police, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "one.secret").chmod(0o644)
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    sender(small, police).turn()
    (row,) = small.rows(t.webhook_events)
    assert (row.state, row.problem, row.tries, receiver.requests) == ("waiting", "secret", 1, [])


CRASH = """
import sys, time
from pathlib import Path
from gateway.centre.webhooks import Webhook
from gateway.routes import Police, WebhookRoute
from gateway.store.database import Database
url, file, database = sys.argv[1:]
police = Police(name="jiangwan", routes=(WebhookRoute(url=url, secret_file=Path(file), allow_internal=True),))
Webhook(Database(database), police, lambda: 1795439000000).turn()
"""


def test_what_was_sent_and_not_marked_when_the_program_died_is_sent_again_under_its_id(
    database: Database, tmp_path: Path
) -> None:
    write_secret(tmp_path / "one.secret", written(SECRET))
    children: list[subprocess.Popen[bytes]] = []

    def kill_the_sender(_: Sent) -> None:
        if children[0].poll() is None:
            os.kill(children[0].pid, signal.SIGKILL)
            children[0].wait()

    with Receiver(heard=kill_the_sender) as receiver:
        route = WebhookRoute(url=receiver.url, secret_file=tmp_path / "one.secret", allow_internal=True)
        police = Police(name=POLICE, routes=(route,))
        hooked = Office(database, routes=Routes([police]))
        sent(hooked)
        command = [sys.executable, "-c", CRASH, receiver.url, str(route.secret_file), database.url]
        children.append(subprocess.Popen(command, cwd=ROOT))
        assert children[0].wait(30) == -signal.SIGKILL
        assert queue(hooked) == [("xiaoqu.slip.sent", "waiting", 0)]
        assert sender(hooked, police).turn() == 1
        first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert queue(hooked) == [("xiaoqu.slip.sent", "delivered", 1)]


def test_what_somebody_else_has_marked_meanwhile_is_not_marked_again(
    small: Office, police: Police, receiver: Receiver
) -> None:
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    (row,) = small.rows(t.webhook_events)
    with small.database.write() as connection:
        assert webhooks.tried(connection, row, {"state": "delivered"})
        assert not webhooks.tried(connection, row, {"state": "waiting"})
    assert queue(small) == [("xiaoqu.slip.sent", "delivered", 1)]


def test_old_events_are_forgotten(small: Office) -> None:
    with small.database.write() as connection:
        for _ in range(3):
            sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
        connection.execute(t.webhook_events.update().where(t.webhook_events.c.id == 1).values(state="delivered"))
        connection.execute(t.webhook_events.update().where(t.webhook_events.c.id == 2).values(state="dead"))
    for days, left in ((29, [1, 2, 3]), (31, [2, 3]), (91, [3])):
        small.moment = NOW + timedelta(days=days)
        with small.database.write() as connection:
            sending.clear(connection, [POLICE], small.casework.now())
        assert [row.id for row in small.rows(t.webhook_events)] == left


def test_what_waits_for_a_webhook_that_was_taken_away_is_given_up_and_goes_in_the_end(hooked: Office) -> None:
    sent(hooked)
    with hooked.database.write() as connection:
        sending.event(connection, OTHER_POLICE, BASE, "xiaoqu.slip.sent", None, hooked.casework.now())
        assert sending.clear(connection, [OTHER_POLICE], hooked.casework.now()) == 1
        assert sending.clear(connection, [OTHER_POLICE], hooked.casework.now()) == 0
    rows = [(row.police_station, row.state, row.problem) for row in hooked.rows(t.webhook_events)]
    assert rows == [(POLICE, "dead", "no_webhook"), (OTHER_POLICE, "waiting", "")]
    later(hooked, 91 * 86_400)
    with hooked.database.write() as connection:
        sending.clear(connection, [], hooked.casework.now())
    assert [row.state for row in hooked.rows(t.webhook_events)] == ["dead"], "the other one was waiting until now"


def test_one_event_may_be_replayed_unless_it_waits(small: Office, police: Police) -> None:
    by = By("admin", small.casework.now())
    with small.database.write() as connection:
        number = sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
        with pytest.raises(NotPossible, match="waits"):
            replay(connection, police, number, by)
        with pytest.raises(LookupError):
            replay(connection, police, number + 1, by)
        with pytest.raises(NotPossible, match="no webhook"):
            replay(connection, Police(name=POLICE), number, by)
    sender(small, police).turn()
    with small.database.write() as connection:
        assert replay(connection, police, number, by) == 1
    assert queue(small) == [("xiaoqu.slip.sent", "waiting", 0)]


def test_one_that_hangs_is_tried_again_later(
    small: Office, police: Police, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.centre.calling.WITHIN_S", 0.2)
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    receiver.then(Hang())
    sender(small, police).turn()
    (row,) = small.rows(t.webhook_events)
    assert (row.state, row.problem) == ("waiting", "slow")


def block(language: str, holds: str) -> str:
    """The block of the guide for the police in that language that holds those words."""
    (found,) = [one for one in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) if holds in one]
    return str(found)


def test_the_guide_s_python_knows_a_true_event_from_a_false_one(
    small: Office, police: Police, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "one.secret").write_text(written(SECRET, OLD_SECRET), encoding="utf-8")
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    sender(small, police).turn()
    (request,) = receiver.requests
    guide: dict[str, object] = {}
    exec(block("python", "def genuine"), guide)  # noqa: S102 - what the guide says is what is proved
    genuine = guide["genuine"]
    assert callable(genuine)
    now = small.moment.timestamp()
    headers = dict(request.headers)
    for secret in (SECRET, OLD_SECRET):
        assert genuine(written(secret), headers, request.body, now), "by the new secret, and by the old one meanwhile"
    assert not genuine(written(b"x" * 32), headers, request.body, now)
    assert not genuine(written(SECRET), headers, request.body + b" ", now)
    assert not genuine(written(SECRET), headers | {"webhook-id": "msg_other"}, request.body, now)
    assert not genuine(written(SECRET), headers, request.body, now + 301), "too old: it may be played again"


def test_the_guide_s_openssl_makes_the_same_signature(
    small: Office, police: Police, receiver: Receiver, tmp_path: Path
) -> None:
    with small.database.write() as connection:
        sending.event(connection, POLICE, BASE, "xiaoqu.slip.sent", None, small.casework.now())
    sender(small, police).turn()
    (request,) = receiver.requests
    (tmp_path / "body.json").write_bytes(request.body)
    said = {
        "ID": request.headers["webhook-id"],
        "TIME": request.headers["webhook-timestamp"],
        "SECRET": written(SECRET),
    }
    done = subprocess.run(
        ["bash", "-euc", block("sh", "openssl dgst")],
        cwd=tmp_path,
        env=os.environ | said,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == request.headers["webhook-signature"]
