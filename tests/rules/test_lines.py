"""Each mistake of a policy is found on the line on which it was made."""

from pathlib import Path

import pytest

from rules.lines import line_of
from rules.mistakes import mistake
from rules.policy import PolicyError, parse
from rules.rehearse import run_tests

TEXT = (Path(__file__).parents[2] / "config" / "policy.toml").read_text(encoding="utf-8")
HEAD = TEXT[: TEXT.index("[[tests]]")]
ROWS = """
[[conditions]]
name = "at night"
then = "quiet"
role = { in = ["nobody"] }

[[conditions]]
name = "at night"
then = "attend"
[conditions.role]
in = ["guest", "somebody"]

[[passback]]
portals = []
seconds = 300
"""


def lines_of(text: str) -> list[str]:
    """The lines that the mistakes of a text are said to be on."""
    with pytest.raises(PolicyError) as caught:
        parse(text)
    each = text.split("\n")
    return [
        each[at - 1].split("#")[0].strip() if at else "" for at in (line_of(text, one) for one in caught.value.mistakes)
    ]


def test_a_key_of_a_table_and_of_the_head() -> None:
    assert lines_of(HEAD.replace("grace_days = 7", "grace_days = 700")) == ["grace_days = 700"]
    assert lines_of(HEAD.replace("[slip]", "[slip]\nvisit = 3")) == ["visit = 3"]
    assert lines_of(HEAD.replace("version = 1", "versoin = 1")) == ["", "versoin = 1"]


def test_what_is_no_toml_by_the_line_of_the_parser() -> None:
    assert lines_of(HEAD.replace("grace_days = 7", "grace_days = = 7")) == ["grace_days = = 7"]
    assert lines_of("version = [") == ["version = ["]


def test_rows_by_their_number_and_by_their_name() -> None:
    found = lines_of(HEAD + ROWS)
    assert 'role = { in = ["nobody"] }' in found
    assert 'in = ["guest", "somebody"]' in found
    assert "portals = []" in found
    assert 'name = "at night"' in found


def test_a_test_that_fails_by_its_name() -> None:
    text = TEXT.replace('verdict = "grant"', 'verdict = "refuse"', 1)
    (failed,) = run_tests(parse(text))
    at = line_of(text, mistake("test", name=repr(failed.name), expected=failed.expected, got=failed.got))
    assert at is not None
    assert failed.name in text.split("\n")[at - 1]


def test_what_is_about_the_whole_is_on_no_line() -> None:
    assert line_of(TEXT, mistake("too_long", most=5)) is None
    assert line_of(TEXT, "some words") is None
