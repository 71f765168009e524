"""What a guard may do: periods that end by themselves, the crowd that suggests one, and acts that become records."""

from dataclasses import dataclass, field

import pytest

from gateway.station.console.view import Visitor
from gateway.station.crowds import WITHIN_S, Crowds
from gateway.station.deeds import MOST_HOLD_S, ByHand, Deed
from gateway.station.hands import Hands
from gateway.station.held import Held
from rules.model import GatePolicy

MORE_THAN = GatePolicy().crowd_swipes
CARD, OTHER_CARD = b"1" * 16, b"2" * 16


@dataclass
class Post:
    """Hands over a list, on a clock that the test turns."""

    now: float = 1000.0
    acts: list[ByHand | Deed] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.held = Held(lambda: self.now, lambda: self.now + 1e6)
        self.policy = GatePolicy()
        self.crowds = Crowds(lambda: self.policy.crowd_swipes, lambda: self.now)
        self.hands = Hands(
            ("east", "north"),
            lambda act, _s: self.acts.append(act),
            self.held,
            self.crowds,
            self.change,
            lambda: self.policy,
        )

    def change(self) -> None:
        self.changes += 1

    def presents(self, times: int, portal: str = "east", card: bytes = CARD, every: float = 10.0) -> None:
        for _ in range(times):
            self.crowds.presented(portal, card)
            self.now += every


def test_the_policy_says_how_long_a_touch_holds_and_from_when_on_one_is_suggested() -> None:
    post = Post()
    post.policy = GatePolicy(hold_open_minutes=20, crowd_swipes=5)
    post.hands.hold("east", 7200)
    post.now += 1199
    assert post.held.holds("east")
    post.now += 1
    assert not post.held.holds("east")
    post.presents(5)
    assert post.crowds.suggested() == ()
    post.presents(1)
    assert post.crowds.suggested() == ("east",)
    post.policy = GatePolicy()
    post.presents(30, "north")
    assert post.crowds.suggested() == ("east",)
    post.presents(1, "north")
    assert post.crowds.suggested() == ("east", "north")


def test_a_period_ends_by_itself_and_says_when() -> None:
    post = Post()
    assert post.hands.hold("east", 1800) == int((1000 + 1e6 + 1800) * 1000)
    assert post.held.running() == {"east": int((1000 + 1e6 + 1800) * 1000)}
    assert not post.held.holds("north")
    post.now += 1799
    assert post.held.holds("east")
    post.now += 1
    assert not post.held.holds("east")
    assert [(act.kind, act.seconds) for act in post.acts if isinstance(act, Deed)] == [("hold_open", 1800)]


def test_no_period_by_touch_is_longer_than_two_hours_in_the_gate_or_in_the_record() -> None:
    post = Post()
    post.hands.hold("east", 9 * 3600)
    (act,) = post.acts
    assert isinstance(act, Deed)
    assert act.seconds == MOST_HOLD_S
    post.now += MOST_HOLD_S
    assert not post.held.holds("east")


def test_a_period_is_ended_once() -> None:
    post = Post()
    post.hands.hold("east", 600)
    for _ in range(2):
        post.hands.end_hold("east")
    assert not post.held.holds("east")
    assert [act.kind for act in post.acts if isinstance(act, Deed)] == ["hold_open", "hold_end"]


def test_a_period_is_suggested_after_one_card_came_more_than_thirty_times_in_an_hour() -> None:
    post = Post()
    post.presents(MORE_THAN)
    post.presents(MORE_THAN, card=OTHER_CARD)
    post.presents(MORE_THAN, "north")
    assert post.crowds.suggested() == ()
    post.presents(1)
    assert post.crowds.suggested() == ("east",)


def test_a_card_that_comes_all_day_but_never_so_often_in_an_hour_suggests_nothing() -> None:
    post = Post()
    post.presents(10 * MORE_THAN, every=WITHIN_S / MORE_THAN)
    assert post.crowds.suggested() == ()


@pytest.mark.parametrize("answer", ["hold", "wants_no_hold"])
def test_a_suggestion_that_was_answered_comes_again_after_an_hour_at_the_earliest(answer: str) -> None:
    post = Post()
    post.presents(MORE_THAN + 1)
    if answer == "hold":
        post.hands.hold("east", 60)
    else:
        post.hands.wants_no_hold("east")
    post.presents(MORE_THAN + 1)
    assert post.crowds.suggested() == ()
    post.now += WITHIN_S
    post.presents(MORE_THAN + 1)
    assert post.crowds.suggested() == ("east",)


def test_each_act_says_what_it_was() -> None:
    post = Post()
    post.hands.open("east", Visitor.DELIVERY, "")
    post.hands.enter_visitor("north", "3-1201", "访客甲")
    post.hands.report_lost("3-501", "测试甲")
    post.hands.hand_over(1, "示例甲", "示例乙", "测试甲家的门没关")
    opened, visitor, lost, handed = post.acts
    assert isinstance(opened, ByHand)
    assert isinstance(visitor, ByHand)
    assert isinstance(lost, Deed)
    assert isinstance(handed, Deed)
    assert (handed.kind, handed.said["by"], handed.said["note"]) == ("handover", "示例甲", "测试甲家的门没关")
    assert (opened.portal, opened.whom, opened.noted) == ("east", "delivery", False)
    assert (visitor.portal, visitor.whom, visitor.dwelling, visitor.name, visitor.noted) == (
        "north",
        "visitor",
        "3-1201",
        "访客甲",
        True,
    )
    assert (lost.kind, lost.dwelling, lost.name) == ("lost_card", "3-501", "测试甲")
    assert not [act for act in post.acts if "测试甲" in repr(act) or "访客甲" in repr(act)]


def test_at_a_portal_that_is_not_here_nothing_is_done() -> None:
    post = Post()
    for act in (
        lambda: post.hands.open("west", Visitor.OTHER, ""),
        lambda: post.hands.enter_visitor("west", "", ""),
        lambda: post.hands.hold("west", 60),
        lambda: post.hands.end_hold("west"),
        lambda: post.hands.wants_no_hold("west"),
    ):
        with pytest.raises(LookupError):
            act()
    assert post.acts == []
