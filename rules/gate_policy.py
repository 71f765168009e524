"""The gate's part of a policy file: `[gate]`, `[[passback]]`, `[[conditions]]`, and what can never happen in them."""

from collections.abc import Iterator

from rules.conditions import CLOSED, Clause, Condition, Field, Then, is_span
from rules.mistakes import Mistake, mistake
from rules.model import GatePolicy, Passback
from rules.strict import Table

MOST_HOLIDAYS = 200
MOST_ROWS = 50
MOST_VALUES = 50
LONGEST_LINE = 40
"""Letters of a line on the guard's page."""
_DAY_S = 86_400


def read_gate(root: Table, version: int, register_max_age_days: int) -> GatePolicy:
    """What the gate decides by; mistakes go where `root` keeps them."""
    table = root.table("gate")
    policy = GatePolicy(
        version=version,
        passback_seconds=table.integer("passback_seconds", 0, 0, _DAY_S),
        attempts=table.integer("attempts", 0, 0, 100),
        attempts_seconds=table.integer("attempts_seconds", 60, 1, 3_600),
        attempts_pause_seconds=table.integer("attempts_pause_seconds", 30, 1, 30),
        side_line_days=table.integer("side_line_days", 7, 1, 90),
        register_max_age_days=register_max_age_days,
        hold_open_minutes=table.integer("hold_open_minutes", 120, 10, 120),
        crowd_swipes=table.integer("crowd_swipes", 30, 5, 200),
        holidays=table.days("holidays", MOST_HOLIDAYS),
        workdays=table.days("workdays", MOST_HOLIDAYS),
        passback=tuple(_passback(one) for one in root.tables("passback")),
        conditions=tuple(_condition(one) for one in root.tables("conditions")),
    )
    table.finish()
    return policy


def contradictions(gate: GatePolicy) -> Iterator[Mistake]:
    """What can never happen as it is written."""
    if gate.holidays & gate.workdays:
        yield mistake("holiday_too", "gate.workdays")
    if len(gate.passback) > MOST_ROWS or len(gate.conditions) > MOST_ROWS:
        yield mistake("rows", "passback, conditions", most=MOST_ROWS)
        return
    for timed in (False, True):
        named = [portal for one in gate.passback if bool(one.area) is not timed for portal in one.portals]
        for portal in sorted({portal for portal in named if named.count(portal) > 1}):
            yield mistake("two_times" if timed else "two_areas", "passback", portal=portal)
    names = [row.name for row in gate.conditions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield mistake("twice", "conditions", name=repr(name))


def _passback(table: Table) -> Passback:
    area = table.text("area", "")
    portals = table.texts("portals")
    if not portals:
        table.wrong("portals", "no_portals")
    seconds = 60 * table.integer("reset_minutes", 720, 1, 1440) if area else table.integer("seconds", None, 0, _DAY_S)
    table.finish()
    return Passback(tuple(sorted(set(portals))), area, seconds)


def _condition(table: Table) -> Condition:
    name = table.text("name")
    then = table.choice("then", Then)
    if not table.has("then"):
        table.wrong("then", "missing")
    clauses = tuple(_clause(table.table(field), field) for field in Field if table.has(field))
    if not clauses:
        table.wrong("name", "everybody")
    say = table.text("say", "")
    if (then is Then.SAY) != bool(say.strip()):
        table.wrong("say", "say_only")
    if len(say) > LONGEST_LINE or not say.isprintable():
        table.wrong("say", "say_line", most=LONGEST_LINE)
    if then is not Then.QUIET and any(clause.field == Field.FLAG for clause in clauses):
        table.wrong("flag", "flag_only")
    table.finish()
    return Condition(name, then or Then.QUIET, clauses, say)


def _clause(table: Table, field: Field) -> Clause:
    inside = table.has("in")
    if inside == table.has("not_in"):
        table.wrong("in", "in_or_not_in")
    values = table.texts("in" if inside else "not_in")
    if (inside and not values) or len(values) > MOST_VALUES:
        table.wrong("in", "values", most=MOST_VALUES)
    for value in values:
        if (wrong := _wrong(field, value)) is not None:
            table.wrong("in" if inside else "not_in", wrong, value=repr(value), known=", ".join(CLOSED.get(field, ())))
    table.finish()
    return Clause(field, inside, tuple(sorted(set(values))))


def _wrong(field: Field, value: str) -> str | None:
    """The code of what is wrong with a value."""
    if field in CLOSED:
        return None if value in CLOSED[field] else "value_choice"
    if field is Field.TIME:
        return None if is_span(value) else "value_span"
    return None if value.strip() and len(value) <= 64 else "portal_name"
