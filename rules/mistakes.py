"""What can be wrong with a policy: a code with its figures, which is also the English sentence."""

from collections.abc import Mapping
from typing import Any

SAID: Mapping[str, str] = {
    "not_toml": "not TOML: {error}",
    "too_long": "longer than {most} letters",
    "table": "must be a table",
    "list": "must be a list",
    "missing": "is missing",
    "unknown_key": "is not known",
    "empty": "must not be empty",
    "text": "must be text in quotes",
    "flag": "must be true or false",
    "integer": "must be a whole number",
    "day": "must be a day, like 2026-01-31",
    "days": "must be a list of at most {most} days, like [2026-01-31]",
    "moment": "must be a moment, like 2026-01-31T18:30:00",
    "texts": "must be a list of texts",
    "range": "must be from {low} to {high}, is {value}",
    "choice": "must be one of {known}",
    "value_choice": "{value} must be one of {known}",
    "value_span": "{value} must be a span within a day, like 22:00-24:00",
    "values": "name 1 to {most} values",
    "in_or_not_in": "state either in or not_in, as a list",
    "portal_name": "a portal has a name",
    "holiday_too": "a day cannot be a holiday too",
    "rows": "at most {most} rows of each",
    "two_times": "{portal} stands in two rows by time",
    "two_areas": "{portal} stands in two areas",
    "twice": "{name} stands twice",
    "no_portals": "name at least one",
    "everybody": "the row asks about nothing, so it would hold for everybody",
    "say_only": "belongs to then = 'say', and to nothing else",
    "say_line": "is one line of at most {most} letters",
    "flag_only": "a flag can leave the reminder out (then = 'quiet') and do nothing else",
    "never_first": "{name} can never do anything: another row before it always answers first",
    "never_fits": "{name} can never do anything: no swipe ever fits it",
    "days_fall": "the days must not go down from worker to community, street and police",
    "never_opens": "more than window_days, so it never opens",
    "window": "longer than retention.passes_days",
    "either": "a test has either a swipe or a person",
    "passes": "at most {most} passes",
    "moved_out": "a day and moved_out_by belong together: silence in swipes is no sign of a move",
    "test": "test {name}: expected {expected}, got {got}",
    "not_higher": "must rise with every change; {highest} is the newest",
    "meanwhile": "{version} was proposed by somebody else meanwhile",
    "begins_later": "version {version} is approved and begins later, at {moment}",
    "head": "the head of that version cannot be rewritten: propose its text with a new head",
    "no_such_portal": "there is no portal {portal}",
    "no_way_out": "it has no reader on the way out, so nobody could leave it",
    "safeguard": "asks for less than the product's safeguards: {what}",
    "fewer_visits": "fewer than 2 visits before a slip",
    "same_time": "visits may all be at one time of day",
    "no_evening": "no visit in an evening or at a weekend",
    "no_notice": "no leave-behind card",
    "before_due": "a slip before the due date has passed",
    "passes_kept": "passes kept for more than 30 days",
}
"""Code -> the sentence. The pages have each in their languages, under `wrong.CODE`."""


class Mistake(str):
    """A mistake as English text, with where it is (`at`, "" for the whole), its code and its figures."""

    at: str
    code: str
    values: Mapping[str, Any]


def mistake(code: str, at: str = "", **values: object) -> Mistake:
    """The mistake of a code of `SAID`."""
    sentence = SAID[code].format(**values)
    made = Mistake(f"{at}: {sentence}" if at else sentence)
    made.at, made.code, made.values = at, code, values
    return made
