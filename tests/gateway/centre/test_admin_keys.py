"""The pages of keys and of a station's devices: what there is, a key renewed once, a device that shows itself."""

import re
from collections.abc import Iterator

import pytest

from gateway.store import tables as t
from rules.roles import Role
from tests.gateway.centre.centres import Centre, running, secret
from tests.gateway.centre.grid import done, rows_of
from tests.gateway.centre.office import MASTER, OTHER_STATION, STATION, TODAY, YUAN, number, token

KEYS = "/admin/keys"
DEVICE = f"/admin/stations/{STATION}"


@pytest.fixture
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as made:
        yield made


def key_of(centre: Centre) -> int:
    return next(row.token_key for row in rows_of(centre, t.communities) if row.id == YUAN)


def online(centre: Centre) -> None:
    """Let the first station have said just now that it is there, with one reader."""
    status = {"state": "online", "epoch": "00000000000000a1", "heartbeat": 7}
    status |= {"devices": [{"id": "east-in", "kind": "wiegand", "up": True, "health": "ok"}]}
    at = int(centre.clock[0] * 1000)
    with centre.database().write() as connection:
        connection.execute(t.stations.update().where(t.stations.c.name == STATION).values(status=status, heard_at=at))


def test_the_page_says_which_keys_there_are_and_shows_none(centre: Centre) -> None:
    page = centre.signed_in(Role.ADMINISTRATOR).get(KEYS).text
    for said in (STATION, OTHER_STATION, "第 1 把", "只有这一把有效", "administrator-everywhere"):
        assert said in page, said
    assert len(re.findall(r"<code>(?:[0-9a-f]{4} ){7}[0-9a-f]{4}</code>", page)) == 3
    assert "/renew" not in page, "an administrator looks; whoever keeps security changes keys"
    for hidden in (MASTER.token_key(YUAN).hex(), MASTER.station(STATION, 1).secret.hex(), secret("auditor-here")):
        assert hidden not in page


def test_a_token_key_is_changed_once_by_whoever_keeps_security_and_that_is_recorded(centre: Centre) -> None:
    row = {"kind": "citizen-id", "number": number(1), "name": "测试甲", "since": TODAY.isoformat()}
    done(centre.ask("PUT", f"/api/v1/communities/{YUAN}/enrolments", "property-here", {"rows": [row]}))
    security = centre.signed_in(Role.SECURITY, name="an-quan")
    assert [one.token for one in rows_of(centre, t.credentials)] == [token(number(1))]
    path = f"{KEYS}/{YUAN}/renew"
    unsure = security.post(path, {"newest": 1})
    assert (unsure.status, "请先勾选确认" in unsure.text, key_of(centre)) == (422, True, 1)
    assert security.post(path, {"newest": 1, "sure": "yes"}).to == f"{KEYS}?done=renewed#tokens"
    assert security.post(path, {"newest": 1, "sure": "yes"}).status == 303, "a form that is sent twice"
    assert key_of(centre) == 2
    assert [one.token for one in rows_of(centre, t.credentials)] != [token(number(1))]
    assert "第 2 把" in security.get(KEYS).text
    noted = [(one.actor, one.act, one.community) for one in rows_of(centre, t.audit) if one.act == "tokens.renew"]
    assert noted == [("an-quan", "tokens.renew", YUAN)]
    assert centre.signed_in(Role.ADMINISTRATOR).post(path, {"newest": 2, "sure": "yes"}).status == 403
    assert security.post(f"{KEYS}/moon/renew", {"newest": 1, "sure": "yes"}).status == 404


def test_a_reader_is_asked_to_show_itself_and_no_gate_is_opened_here(centre: Centre) -> None:
    admin = centre.signed_in(Role.ADMINISTRATOR, name="guan-li")
    asked = {"act": "identify", "target": "east-in"}
    assert admin.post(f"{DEVICE}/commands", asked).to == f"{DEVICE}?said=away#devices", "it is not connected"
    online(centre)
    assert "让它亮一下" in admin.get(DEVICE).text
    assert "gateway readers try" in admin.get(DEVICE).text
    assert admin.post(f"{DEVICE}/commands", asked).to == f"{DEVICE}?said=sent#devices"
    assert admin.post(f"{DEVICE}/commands", {"act": "open", "target": "east"}).to == f"{DEVICE}?said=choose"
    given = [(row.station, row.act, row.target, row.actor) for row in rows_of(centre, t.commands)]
    assert given == [(STATION, "identify", "east-in", "guan-li")]
    assert "已发出" in admin.get(f"{DEVICE}?said=sent").text
    assert admin.post("/admin/stations/nowhere/commands", asked).status == 404
