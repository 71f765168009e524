"""Whoever belongs to one side learns nothing of the other, whatever number they ask by, and changes nothing there.

Each route is called by every role of one side, with the numbers of the other in each place where a number stands:
first all of them and each one alone, then by chance in any mixture, in path, query, form and body.
"""

import contextlib
import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.centre.api.access import permissions
from tests.gateway.centre.centres import Centre, secret
from tests.gateway.centre.office import TODAY
from tests.gateway.centre.permissions import body_of
from tests.security.two_streets import CLIENTS, HERE, THERE, Rows, Side, numbers_of, secrets_of, town, words_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
ENDLESS = "/admin/stream"
BOTH_NAMES = ("/api/v1/communities/{community}/names", "/collect/names", "/collect/twins")
"""Where a reviewer decides which of two names holds: both are shown, and that they were read is noted."""
OF_NUMBER = (
    ("deputies", "deputies"), ("checks", "blind_checks"), ("visitors", "visitors"), ("from-gate", "gate_acts"),
    ("gate-acts", "gate_acts"), ("leases", "leases"), ("merges", "merges"), ("lists", "imports"),
    ("receipts", "imports"), ("field-audits", "field_audits"), ("declarations", "declarations"), ("names", "names"),
    ("requests", "requests"), ("deliveries", "webhook_events"),
)  # fmt: skip
"""Word in a path -> the table whose rows `{number}` counts there."""
TABLE_OF = {"case": "cases", "person": "enrolments", "card": "credentials", "dwelling": "dwellings", "swipe": "swipes"}
"""The name of a number, in path, query, form or body -> the table that it is of."""
FORM = (
    "revision", "name", "do", "code", "act", "until", "token", "dwelling", "to", "text", "outcome", "number", "note",
    "kind", "decision", "community", "case", "why", "which", "upheld", "unit", "swipe", "since", "room", "phone",
    "replaces", "objection", "move", "lines", "from", "day", "building", "answer", "person", "receipt", "slip", "as",
    "take", "kept",
)  # fmt: skip
"""The fields of our forms."""


@dataclass
class World:
    """A running town, and what is looked for in its answers."""

    centre: Centre
    rows: Rows
    secrets: set[str]
    numbers: dict[str, dict[str, list[Any]]]
    routes: list[tuple[str, str]]
    queries: dict[tuple[str, str], list[str]]
    requests: int = 0
    leaks: list[Any] = field(default_factory=list)

    def values(self, side: Side, name: str, path: str) -> list[str]:
        """What stands for a place of a path where the number is one of this side."""
        fixed = {
            "community": side.community,
            "station": side.station,
            "police": side.police,
            "name": side.client("worker"),
        }
        fixed |= {
            "kind": "residents",
            "indicator": "plates",
            "month": "2026-10",
            "version": "1",
            "day": TODAY.isoformat(),
        }
        fixed |= {"paper": "duty", "what": "return", "who": "me"}
        if name in fixed:
            return [fixed[name]]
        if name == "number":
            of = next((table for word, table in OF_NUMBER if f"/{word}/" in path), "cases")
            return [str(one) for one in self.numbers[side.name].get(of, [1])]
        if name in ("slip", "receipt"):
            return [str(one) for one in self.numbers[side.name][name]]
        if name in ("person", "first", "second"):
            return [str(one) for one in self.numbers[side.name]["persons"]]
        return [str(one) for one in self.numbers[side.name].get(TABLE_OF.get(name, "cases"), [1])]

    def ask(self, client: str | None, method: str, path: str, body: Any = None, form: Any = None) -> None:
        """Ask as a client of the first side; the answer must not know the second, which must not have changed."""
        headers = {"Origin": self.centre.url, "Accept": "*/*"}
        data = None
        if client is not None:
            headers["Authorization"] = f"Bearer {secret(client)}"
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode(form, doseq=True).encode()
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.centre.process.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            raw = answer.read()
        said = words_of(answer.headers["Content-Type"] or "", raw) + str(answer.headers)
        self.requests += 1
        asked = path + str(body) + str(form)
        told = {one for one in self.secrets if one in said and one not in asked and quote(one) not in asked}
        changed = self.rows.changed()
        if told or changed or answer.status == 500:
            self.leaks.append((client, method, path, body, form, answer.status, sorted(told), changed))


def queries_of(dependant: Dependant) -> set[str]:
    found = {one.alias for one in dependant.query_params}
    return found.union(*(queries_of(one) for one in dependant.dependencies))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with town(tmp_path_factory.mktemp("town")) as centre:
        app = centre.process._server._app
        queries = {
            (method, route.path or ""): sorted(queries_of(route.dependant))
            for route in iter_route_contexts(app.routes)
            if isinstance(route.original_route, APIRoute)
            for method in route.methods or ()
        }
        numbers = {}
        for side in (HERE, THERE):
            numbers[side.name] = numbers_of(centre, side)
            with centre.database().read() as connection:
                for name, table in (("slip", "alerts"), ("receipt", "declarations")):
                    query = f"SELECT {name} FROM {table} WHERE community = '{side.community}'"
                    numbers[side.name][name] = list(connection.exec_driver_sql(query).scalars())
        secrets = secrets_of(centre, THERE)
        found = World(centre, Rows(centre, THERE), secrets, numbers, sorted(permissions(app)), queries)
        yield found
        found.rows.close()


def swapped(value: Any, number: Callable[[str], Any]) -> Any:
    """A body with every number in it that names a row, and every community, taken from the other side."""
    if isinstance(value, dict):
        return {name: swapped(number(name) if name in OTHERS else one, number) for name, one in value.items()}
    return [swapped(one, number) for one in value] if isinstance(value, list) else value


OTHERS = {*TABLE_OF, "community", "into", "kept", "gone", "id", "replaces"}


def test_the_search_finds_what_it_looks_for(world: World) -> None:
    """The other side's own people see what is looked for, and what they do is seen."""
    there = world.centre.ask("GET", f"/api/v1/communities/{THERE.community}/residents", THERE.client("property")).text
    assert {one for one in THERE.surnames if one in there} == set(THERE.surnames)
    assert THERE.building in there
    for table in ("cases", "alerts", "visitors", "leases", "deputies", "field_audits", "imports", "gate_acts", "names"):
        assert world.numbers["there"].get(table), f"there is a row of {table}"
    body = {
        "rows": [
            {"kind": "visitor", "number": "70000001", "name": "访客", "since": TODAY.isoformat(), "role": "visitor"}
        ]
    }
    path = f"/api/v1/communities/{THERE.community}/enrolments"
    assert world.centre.ask("PUT", path, THERE.client("property"), body).status == 200
    assert {"persons", "enrolments"} <= world.rows.changed().keys()


def test_no_route_gives_a_role_anything_of_the_other_side(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    covered = set()
    may = permissions(world.centre.process._server._app)
    before = world.requests
    try:
        for method, template in world.routes:
            places = PLACE.findall(template)
            sides = [HERE, THERE]
            for client in CLIENTS:
                role = None if client is None else client.removesuffix("-here").replace("whole-street", "street")
                if template == ENDLESS and role in (may[method, template] or ()):
                    continue
                for chosen in product(sides, repeat=len(places)):
                    if places and THERE not in chosen:
                        continue
                    path = template
                    for name, side in zip(places, chosen, strict=True):
                        value = world.values(side, name, template)[0]
                        path = PLACE.sub(lambda _, v=value: quote(v), path, count=1)
                    covered.add((method, template))
                    path += "?purpose=test" if template.endswith("/export") else ""
                    page = not template.startswith("/api/")
                    form = {name: world.values(THERE, name, template)[0] for name in FORM} if page else None
                    body = swapped(body_of(path), lambda name: _number(world.values(THERE, name, "")[0]))
                    sent = (None, None) if method == "GET" else (body, form)
                    world.ask(client, method, path, *sent)
    finally:
        record_property("routes_in_matrix", len(world.routes))
        record_property("routes_covered", len(covered))
        record_property("fuzzer_requests", world.requests - before)
        record_property("fuzzer_leaks", len(world.leaks))
    assert covered == set(world.routes)
    assert not world.leaks


# the centre runs in this process, and its bus draws how long to wait before it tries a broker again
@pytest.mark.filterwarnings("ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning")
def test_no_mixture_of_numbers_gives_anything_of_the_other_side(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    before = world.requests
    world.leaks.clear()
    of_both = {name: [*_all(world, HERE, name), *_all(world, THERE, name)] for name in (*TABLE_OF, "community", "slip")}
    anything = st.sampled_from(sorted({one for values in of_both.values() for one in values}))

    @settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def by_chance(data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(CLIENTS))
        method, template = data.draw(st.sampled_from([one for one in world.routes if one[1] != ENDLESS]))

        def one(name: str) -> str:
            fitting = [*world.values(HERE, name, template), *world.values(THERE, name, template)]
            return str(data.draw(st.sampled_from(fitting) | anything))

        path = template
        for name in PLACE.findall(template):
            value = one(name)
            path = PLACE.sub(lambda _, v=value: quote(v, safe=""), path, count=1)
        asked = [(name, one(name)) for name in world.queries[method, template] if data.draw(st.booleans())]
        path += "?" + urlencode([*asked, ("purpose", "test")])
        body = form = None
        if method != "GET":
            body = swapped(body_of(path.partition("?")[0]), lambda name: _number(one(name)))
            form = (
                None if template.startswith("/api/") else {name: one(name) for name in FORM if data.draw(st.booleans())}
            )
        world.ask(client, method, path, body, form)
        assert not world.leaks

    try:
        by_chance()
    finally:
        record_property("fuzzer_requests", world.requests - before)
        record_property("fuzzer_leaks", len(world.leaks))


def _all(world: World, side: Side, name: str) -> list[str]:
    return world.values(side, name, "")


def _number(text: str) -> Any:
    return int(text) if text.isdigit() else text


def test_a_number_that_somebody_knows_tells_nothing_more(world: World) -> None:
    """Whoever types the number of somebody of the other side, with a name of their own, is told nothing of them."""
    world.leaks.clear()
    world.secrets -= {one for _, one in THERE.people}  # these are what they type
    base, day = f"/api/v1/communities/{HERE.community}", TODAY.isoformat()
    for i, (_, theirs) in enumerate(THERE.people):
        row = {"kind": "citizen-id", "number": theirs, "name": f"测试{i}", "since": day}
        room = {"building": HERE.building, "unit": "1单元", "room": "101室"}
        calls = [
            ("PUT", f"{base}/enrolments", "property", {"rows": [row | room]}),
            ("PUT", f"{base}/leases", "property", {"dwelling": room, "since": day, "until": day, "tenant": theirs}),
            ("POST", f"{base}/credentials/lost", "property", {"kind": "citizen-id", "number": theirs, "lost": True}),
            (
                "POST",
                f"{base}/cases",
                "worker",
                {"source": "visit", "document": {k: row[k] for k in ("kind", "number", "name")}} | room,
            ),
            ("PUT", f"{base}/registrations", "administrator", {"as_of": day, "complete": False, "rows": [row]}),
        ]
        known_as_tenant = i == 0  # of whom nothing else is said
        for method, path, role, body in calls[1:2] if known_as_tenant else calls:
            world.ask(HERE.client(role), method, path, body)
        if not known_as_tenant:
            path = f"{base}/dwellings/{world.numbers['here']['dwellings'][0]}/household"
            world.ask(HERE.client("worker"), "POST", path, {"members": [row]})
    for template in [path for method, path in world.routes if method == "GET" and path != ENDLESS]:
        path = template
        for name in PLACE.findall(template):
            value = world.values(HERE, name, template)[0]
            path = PLACE.sub(lambda _, v=value: quote(v), path, count=1)
        for client in set(CLIENTS) - ({HERE.client("reviewer")} if template.startswith(BOTH_NAMES) else set()):
            world.ask(client, "GET", f"{path}?purpose=test")
    assert not world.leaks
