"""Cases in the database against a simple model: many people act on what they saw, and somebody may have been first."""

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.slips import Stale
from gateway.centre.visiting import Visit, log_visit
from gateway.store import tables as t
from gateway.store.database import Database
from rules.cases import Actor, CaseAct, CaseState, Dismissal, NotPossible, Objection, Word, step
from rules.model import CaseKind, Source
from tests.gateway.centre.office import MASTER, TODAY, Office, entry, number, registration
from tests.gateway.store.databases import copied

MODEL = {
    "open": "assign>assigned collect>collected",
    "assigned": "assign>assigned visit>visited hand_back>open collect>collected",
    "visited": "assign>visited visit>visited hand_back>open collect>collected",
    "collected": "review>reviewed return>assigned",
    "reviewed": "file>filed return>assigned",
    "filed": "return>assigned",
    "registered": "reopen>open",
    "dismissed": "reopen>open",
}
"""What people may do with a collection, said once more: state, act, state after it. While it goes on, also `dismiss`,
`object` and `resolve`."""
GOING = {"open", "assigned", "visited", "collected", "reviewed", "filed"}
WHO = {
    Actor.WORKER: {"visit", "hand_back", "collect", "object"},
    Actor.REVIEWER: {
        *{"assign", "visit", "hand_back", "collect", "review", "return", "file", "dismiss", "object", "resolve"},
        "reopen",
    },
    Actor.STREET: {"assign", "hand_back", "dismiss", "reopen"},
    Actor.RESIDENT: {"collect", "object"},
}
ACTS = sorted({act for acts in WHO.values() for act in acts})
PEOPLE = {
    Actor.WORKER: ["worker-1", "worker-2"],
    Actor.REVIEWER: ["reviewer-1", "reviewer-2"],
    Actor.STREET: ["street-1"],
    Actor.RESIDENT: ["resident"],
}
SOMEBODY = st.sampled_from([(actor, who) for actor, names in PEOPLE.items() for who in names])


@dataclass
class Modelled:
    """One case as the model has it."""

    state: str = "open"
    revision: int = 1
    paused: bool = False
    collector: str | None = None
    hands: set[str] = field(default_factory=set)
    events: list[tuple[str, str, str]] = field(default_factory=lambda: [("system", "open", "open")])

    def after(self, actor: Actor, who: str, act: str, to: str) -> str | None:
        """The state after an act; None where it is not possible."""
        if act not in WHO[actor]:
            return None
        following = dict(step.split(">") for step in MODEL[self.state].split())
        if self.state in GOING:
            following |= {"dismiss": "dismissed"} | ({"resolve": self.state} if self.paused else {"object": self.state})
        theirs = self.collector in (None, who)
        if actor is Actor.WORKER and act in {"visit", "hand_back", "collect"} and not theirs:
            return None
        if (act == "review" and who in self.hands) or (act == "assign") != bool(to):
            return None
        return following.get(act)

    def do(self, who: str, act: str, to: str, state: str) -> None:
        self.state, self.revision = state, self.revision + 1
        self.events.append((who, act, state))
        self.paused = {"object": True, "resolve": False, "dismiss": False}.get(act, self.paused)
        self.collector = {"assign": to, "hand_back": None}.get(act, self.collector)
        self.hands |= {who} if act in {"visit", "collect"} else set()


def word_of(act: str) -> Word | None:
    return {"dismiss": Dismissal.MOVED_OUT, "object": Objection.WRONG_INFORMATION}.get(act)  # type: ignore[return-value]


def do(office: Office, case: int, actor: Actor, who: str, act: str, revision: int, to: str) -> None:
    """Do an act in a transaction of its own."""
    now = office.casework.now()
    deed = Deed(CaseAct(act), revision, actor, who, now, word=word_of(act), to=to, note="" if to else "because")
    with office.database.write() as connection:
        if act == "visit":
            log_visit(connection, MASTER, case, Visit(now, met=False, notice_left=True), deed)
        else:
            deskwork.act_on(connection, case, deed, office.slips)


class Machine(RuleBasedStateMachine):
    """People see a case, and act on it by what they saw; meanwhile others have acted."""

    seen = Bundle("seen")

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.office = Office(Database(copied(template, Path(self.folder.name))))
        self.model: dict[int, Modelled] = {}

    @initialize()
    def two_people_are_not_registered(self) -> None:
        since = TODAY - timedelta(days=30)
        self.office.enrol(entry(number(1), since=since), entry(number(2), since=since, room="502室"))
        self.office.import_register()
        self.model = {row.id: Modelled() for row in self.office.rows(t.cases)}

    @rule(target=seen, which=st.integers(0, 1))
    def look(self, which: int) -> tuple[int, int]:
        case = sorted(self.model)[which]
        return case, int(self.office.case(case).revision)

    @rule(view=seen, somebody=SOMEBODY, act=st.sampled_from(ACTS), to=st.sampled_from(["worker-1", "worker-2"]))
    def act_on_what_was_seen(self, view: tuple[int, int], somebody: tuple[Actor, str], act: str, to: str) -> None:
        (case, revision), (actor, who) = view, somebody
        to, one = to if act == "assign" else "", self.model[view[0]]
        state = one.after(actor, who, act, to)
        wanted = NotPossible if state is None else Stale if revision != one.revision else None
        if wanted is not None:
            with pytest.raises(wanted):
                do(self.office, case, actor, who, act, revision, to)
        elif state is not None:
            do(self.office, case, actor, who, act, revision, to)
            one.do(who, act, to, state)

    @rule(which=st.integers(0, 1), data=st.data())
    def do_what_is_possible(self, which: int, data: st.DataObject) -> None:
        """So that a case gets far: of all that anybody may do now, something."""
        case = sorted(self.model)[which]
        one = self.model[case]
        able = [
            (actor, who, act, to)
            for actor, names in PEOPLE.items()
            for who in names
            for act in ACTS
            for to in (["worker-1", "worker-2"] if act == "assign" else [""])
            if one.after(actor, who, act, to) is not None
        ]
        actor, who, act, to = data.draw(st.sampled_from(able))
        do(self.office, case, actor, who, act, one.revision, to)
        one.do(who, act, to, one.after(actor, who, act, to) or "")

    @rule(which=st.integers(0, 1))
    def the_police_register_somebody(self, which: int) -> None:
        case = sorted(self.model)[which]
        self.office.import_register(registration(number(which + 1)), complete=False)
        if (one := self.model[case]).state in GOING:
            one.do("system", "register", "", "registered")
            one.paused = False
        with self.office.database.write() as connection:  # the registration is taken back: the next one may come
            connection.execute(t.registrations.delete())

    @rule(which=st.integers(0, 1))
    def a_landlord_tells_of_somebody(self, which: int) -> None:
        case = sorted(self.model)[which]
        one, person = self.model[case], self.office.case(case).person
        told = ("desk-1", "tell", one.state)
        if one.state == "registered":
            return  # a case of its own would follow, and this is about two
        number_of, new = self.office.tell(person, Source.LANDLORD)
        assert number_of == case
        assert new == (one.state == "dismissed")
        if new:
            one.do("desk-1", "reopen", "", "open")
        elif not any((who, act) == told[:2] for who, act, _ in one.events):
            one.events.append(told)

    @invariant()
    def each_case_is_as_the_model_has_it(self) -> None:
        rows = {row.id: row for row in self.office.rows(t.cases)}
        assert set(rows) == set(self.model)
        events = self.office.rows(t.case_events)
        for case, one in self.model.items():
            row = rows[case]
            assert (row.state, row.revision, row.paused, row.collector) == (
                one.state,
                one.revision,
                one.paused,
                one.collector,
            )
            assert row.is_open == (one.state in GOING)
            assert [(e.actor, e.act, e.state) for e in events if e.case == case] == one.events
            assert all(e.at > 0 for e in events)

    def teardown(self) -> None:
        self.office.database.close()
        self.folder.cleanup()


@pytest.mark.timeout(400)
def test_cases_go_as_a_simple_model_says_whoever_acts_on_whatever_they_saw(template: Path) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Machine(template), settings=settings(max_examples=120, stateful_step_count=40, deadline=None)
    )


def at_once(calls: Sequence[Callable[[], None]]) -> None:
    """Make the calls on a thread each, until all have returned."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


ACTORS_AT_ONCE, ACTS_EACH = 8, 25


def test_many_at_once_on_the_same_cases_leave_one_story_each(office: Office) -> None:
    """Real connections: what was done is exactly what the events say, in an order that the table allows."""
    cases = [office.a_case(number(i), room=f"{i}室").id for i in (1, 2, 3)]
    ready, tally = threading.Barrier(ACTORS_AT_ONCE, timeout=20), [Counter[str]() for _ in range(ACTORS_AT_ONCE)]

    def work(place: int) -> None:
        chance = Random(place)
        ready.wait()
        for _ in range(ACTS_EACH):
            actor = chance.choice(list(WHO))
            case, act = chance.choice(cases), chance.choice(sorted(WHO[actor]))
            revision = office.case(case).revision
            to = "worker-1" if act == "assign" else ""
            tally[place][answered(office, case, actor, f"{actor}-{place}", act, revision, to)] += 1

    at_once([partial(work, place) for place in range(ACTORS_AT_ONCE)])
    together = sum(tally, Counter[str]())
    assert together.total() == ACTORS_AT_ONCE * ACTS_EACH, "every act was answered"
    for case in cases:
        events = [event for event in office.rows(t.case_events) if event.case == case]
        row = office.case(case)
        assert row.revision == len(events) == together[f"{case}"] + 1
        assert (row.state, row.is_open) == (events[-1].state, events[-1].state in GOING)
        for before, event in pairwise(events):
            follows(CaseState(before.state), event.act, event.state)


def answered(office: Office, case: int, *deed: Any) -> str:
    """What came of an act: the case where it was done, or why it was not."""
    try:
        do(office, case, *deed)
    except (Stale, NotPossible) as error:
        return type(error).__name__
    return f"{case}"


def follows(state: CaseState, act: str, after: str) -> None:
    """Raise unless somebody may do the act in this state, and it leads there."""
    able = [actor for actor in WHO if act in WHO[actor]]
    paused, word = act == "resolve", word_of(act)
    found = step(state, CaseAct(act), kind=CaseKind.COLLECTION, actor=able[0], word=word, paused=paused)
    assert found == after


@pytest.mark.parametrize("acts", [("assign", "dismiss"), ("collect", "dismiss"), ("object", "assign")])
def test_of_two_who_act_on_one_revision_exactly_one_is_done(office: Office, acts: tuple[str, str]) -> None:
    case = office.a_case(number(1))
    ready, said = threading.Barrier(2, timeout=10), []

    def one(act: str, who: str) -> None:
        ready.wait()
        try:
            do(office, case.id, Actor.REVIEWER, who, act, case.revision, "worker-1" if act == "assign" else "")
        except (Stale, NotPossible):
            said.append("told")
        else:
            said.append("done")

    at_once([partial(one, act, f"reviewer-{place}") for place, act in enumerate(acts)])
    assert sorted(said) == ["done", "told"]
    assert office.case(case.id).revision == 2
