"""What goes to a police station, over the API of a running centre: lists read and answered, a webhook tended."""

import http.client
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Select

from gateway.centre.webhooks import event
from gateway.keys import verify, write_secret
from gateway.store import tables as t
from simulators.receiver import Receiver, Say
from tests.gateway.centre.centres import Centre, running, secret
from tests.gateway.centre.office import MASTER, NOW, OTHER_POLICE, POLICE, TODAY, YUAN
from tests.gateway.centre.test_api import A, a_slip, said_as_a_problem
from tests.gateway.centre.test_webhooks import SECRET, written
from tests.waiting import until

NEXT = TODAY + timedelta(days=1)
HERE, THERE = f"/api/v1/police/{POLICE}", f"/api/v1/police/{OTHER_POLICE}"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("centre")
    write_secret(folder / "one.secret", written(SECRET))
    hook = f'[[police]]\nname = "{OTHER_POLICE}"\nroutes = [{{ kind = "webhook", url = "{receiver.url}",'
    with running(folder, more=f'{hook} secret_file = "one.secret", allow_internal = true }}]\n') as one:
        yield one


def noted_of(subject: str) -> Select[Any]:
    return t.history.select().where(t.history.c.subject == subject).order_by(t.history.c.id)


def download(centre: Centre, path: str, client: str) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret(client)}"})
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, data, reply.headers


def tomorrow_s_list(centre: Centre) -> bytes:
    centre.clock[0] = (NOW + timedelta(days=1)).timestamp()
    path = f"{HERE}/lists/{NEXT}/checklist"
    until(lambda: download(centre, path, "police-here")[0] == 200, what="the list of the next day")
    return download(centre, path, "police-here")[1]


def test_the_list_of_a_day_is_read_filled_in_and_taken_again_as_receipts(centre: Centre) -> None:
    slip = a_slip(centre)
    assert centre.ask("GET", HERE, "duty-here").json["sent"] == 1
    data = tomorrow_s_list(centre)
    status, signature, headers = download(centre, f"{HERE}/lists/{NEXT}/signature", "police-here")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    verify(MASTER.lists_public(), signature, data)
    (made,) = [one for one in centre.ask("GET", f"{HERE}/lists", "administrator-here").json if one["day"] == f"{NEXT}"]
    assert (made["slips"], made["made_by"]) == (1, "system")
    status, page, headers = download(centre, f"{HERE}/lists/{NEXT}/slips/{slip['slip']}", "reviewer-here")
    assert (status, A in page.decode()) == (200, True)
    assert headers["Content-Disposition"] == f'attachment; filename="{slip["slip"]}.html"'
    book = load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    head = [cell.value for cell in sheet[1]]
    for heading, said in (("办理结果", "办结反馈"), ("回执号", "HZ-7"), ("经办人", "示例民警")):
        sheet.cell(2, head.index(heading) + 1, said)
    filled = io.BytesIO()
    book.save(filled)
    lists = f"/api/v1/communities/{YUAN}/lists"
    for answered in (1, 1):
        number = centre.ask("POST", f"{lists}/receipts", "reviewer-here", raw=filled.getvalue()).json["id"]
        run = f"{lists}/{number}"
        until(lambda: centre.ask("GET", run, "reviewer-here").json["state"] == "checked", what="the check")  # noqa: B023
        assert centre.ask("GET", run, "reviewer-here").json["bad"] == 0
        assert centre.ask("POST", f"{run}/take", "reviewer-here").status == 202
        until(lambda: centre.ask("GET", run, "reviewer-here").json["state"] == "taken", what="the list")  # noqa: B023
        (found,) = centre.ask("GET", "/api/v1/alerts", "police-here").json
        assert (found["state"], found["answer"], answered) == ("closed", "handled", 1)
    with centre.database().read() as connection:
        row = connection.execute(t.alerts.select()).one()
        assert (row.receipt, row.answered_by) == ("HZ-7", "示例民警")
        assert len(connection.execute(t.registrations.select()).all()) == 1


def test_every_reading_of_a_list_is_noted(centre: Centre) -> None:
    tomorrow_s_list(centre)
    with centre.database().read() as connection:
        noted = connection.execute(noted_of("police_lists")).all()
    assert (noted[-1].actor, noted[-1].changes) == ("police-here", {"read": [None, f"{POLICE} {NEXT}"]})


def test_a_reviewer_reads_no_list_that_is_about_another_compound_too(centre: Centre) -> None:
    tomorrow_s_list(centre)
    rows = [{"slip": "20261123-ABCDEF", "revision": 1, "community": place} for place in (YUAN, "elsewhere")]
    p = t.police_lists
    with centre.database().write() as connection:
        connection.execute(p.update().where(p.c.police_station == POLICE, p.c.day == NEXT).values(rows=rows))
    for what in ("checklist", "signature"):
        assert said_as_a_problem(centre.ask("GET", f"{HERE}/lists/{NEXT}/{what}", "reviewer-here"), 404)
    assert download(centre, f"{HERE}/lists/{NEXT}/checklist", "police-here")[0] == 200


def test_what_was_never_made_is_not_there_whatever_is_asked_for(centre: Centre) -> None:
    for path in ("lists/2020-01-01/checklist", f"lists/{TODAY}/slips/20261123-ABCDEF"):
        assert said_as_a_problem(centre.ask("GET", f"{HERE}/{path}", "police-here"), 404)
    for path in ("lists/soon/checklist", f"lists/{TODAY}/slips/..%2F..%2Fmaster.key", "../a/lists"):
        assert centre.ask("GET", f"{HERE}/{path}", "police-here").status in {404, 422}
    assert said_as_a_problem(centre.ask("GET", "/api/v1/police/nowhere", "administrator-here"), 404)


def test_a_webhook_is_tried_by_its_button_and_what_came_of_it_is_seen(centre: Centre, receiver: Receiver) -> None:
    def delivery(number: int) -> Any:
        return next(one for one in centre.ask("GET", f"{THERE}/deliveries", "police-there").json if one["id"] == number)

    receiver.then(Say(500))
    sent = centre.ask("POST", f"{THERE}/deliveries/test", "administrator-there")
    number = sent.json["id"]
    until(lambda: delivery(number)["state"] == "dead", what="the test")
    found = delivery(number)
    assert (found["status"], found["tries"], found["type"], found["due"]) == (500, 1, "xiaoqu.test", None)
    assert [one["id"] for one in centre.ask("GET", f"{THERE}/deliveries?state=dead", "administrator-there").json] == [
        number
    ]
    assert centre.ask("POST", f"{THERE}/deliveries/{number}/replay", "administrator-there").json == {"events": 1}
    until(lambda: delivery(number)["state"] == "delivered", what="the replay")
    ids = {one.headers["webhook-id"] for one in receiver.requests}
    assert ids == {delivery(number)["message"]}, "again under its id"
    assert json.loads(receiver.requests[-1].body)["source"] == f"https://centre.example{THERE}"
    assert centre.ask("POST", f"{THERE}/deliveries/replay", "administrator-there").json == {"events": 0}
    routes = centre.ask("GET", f"{THERE}/routes", "police-there").json
    assert routes["routes"] == ["webhook"]
    hook = {"host": f"127.0.0.1:{receiver.port}", "gone": False, "waiting": 0, "delivered": 1, "dead": 0}
    assert routes["webhook"] == hook
    with centre.database().read() as connection:
        noted = connection.execute(noted_of("webhook_events")).all()
    assert [(one.actor, list(one.changes)) for one in noted] == [
        ("administrator-there", ["test"]),
        ("administrator-there", ["replay"]),
        ("administrator-there", ["replay"]),
    ]


def test_a_station_without_a_webhook_has_none_to_try(centre: Centre) -> None:
    assert centre.ask("GET", f"{HERE}/routes", "police-here").json["routes"] == ["file", "mqtt"]
    assert centre.ask("GET", f"{HERE}/routes", "police-here").json["webhook"] is None
    assert said_as_a_problem(centre.ask("POST", f"{HERE}/deliveries/test", "administrator-here"), 409)


def test_files_lie_in_the_data_of_the_centre(centre: Centre) -> None:
    tomorrow_s_list(centre)
    folder: Path = centre.settings.data / "police" / POLICE / NEXT.isoformat()
    assert (folder / f"checklist-{POLICE}-{NEXT}.xlsx").is_file()


def test_an_administrator_of_one_community_sees_no_events_of_another_one_s(centre: Centre) -> None:
    paths = [("GET", "deliveries"), ("POST", "deliveries/test"), ("POST", "deliveries/replay")]
    paths.append(("POST", "deliveries/1/replay"))
    c = t.communities.c
    with centre.database().write() as connection:
        values = {"id": "third-yuan", "name": "望江苑", "street": "江湾街道", "portals": []}
        connection.execute(t.communities.insert().values(police_station=OTHER_POLICE, **values))
    try:
        for method, path in paths:
            assert said_as_a_problem(centre.ask(method, f"{THERE}/{path}", "administrator-there"), 404)
        for client in ("administrator-everywhere", "police-there"):
            assert centre.ask("GET", f"{THERE}/deliveries", client).status == 200
    finally:
        with centre.database().write() as connection:
            connection.execute(t.communities.delete().where(c.id == "third-yuan"))
    assert centre.ask("GET", f"{THERE}/deliveries", "administrator-there").status == 200


def test_events_for_a_station_without_a_webhook_are_given_up_by_the_running_centre(centre: Centre) -> None:
    with centre.database().write() as connection:
        number = event(
            connection, POLICE, "https://centre.example", "xiaoqu.slip.sent", None, int(NOW.timestamp() * 1000)
        )
    centre.clock[0] += 7200

    def found() -> Any:
        (row,) = centre.ask("GET", f"{HERE}/deliveries", "police-here").json
        return row["id"], row["state"], row["problem"]

    until(lambda: found() == (number, "dead", "no_webhook"), what="the end of the event")
