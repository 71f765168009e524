"""What the product refuses (docs/principles.md), held against its tables, messages, lists, API and queries.

Whoever adds such a field, list or query is told here why it is refused.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, Integer, Table

from drivers.api import Identity
from drivers.id_text import CardText
from gateway import wire
from gateway.centre import api
from gateway.centre.lists.forms import FORMS, layout_of
from gateway.store import tables as t
from gateway.store.tables.schema import metadata

ROOT = Path(__file__).resolve().parents[2]
NO_PURPOSE = (
    "has no purpose at a gate or in a registration of residence (PIPL 6, 28): docs/principles.md, 重点人员 and below"
)
REFUSED = {
    r"ethnic|minzu|nationalit(y|ies)|^race$|民族": f"ethnicity {NO_PURPOSE}",
    r"relig|^faith|belief|宗教|信仰": f"religion {NO_PURPOSE}",
    r"politic|^partymember|政治|党员": f"politics {NO_PURPOSE}",
    r"^health|disease|illness|medical|disabilit|^blood|健康|疾病|残疾|血型": f"health {NO_PURPOSE}",
    r"^marri|^marital|婚姻": f"marriage {NO_PURPOSE}",
    r"^face|finger|^iris|^photo|portrait|biometr|voiceprint|^gait|^dna$|照片|相片|指纹|人脸": (
        "biometrics never leave the driver's call: docs/principles.md, photo and fingerprint"
    ),
    r"^watch|blacklist|blocklist|denylist|suspect|^wanted|^risk|^score|keyperson|重点|布控|黑名单|嫌疑|可疑": (
        "a list of persons to look out for is not kept, matched or shown: docs/principles.md, 重点人员"
    ),
    r"^track|trajector|whereabout|轨迹|行踪": "where somebody went is shown to themselves alone: docs/principles.md",
}
PERSONS = {"id", "lookup", "kind", "number", "name", "protected", "phone", "phone_lookup", "merged_into"}
"""All that a person is known by."""
ABOUT_PERSONS = {
    "cases": "a registration to be collected, closed by it",
    "codes": "one's own data, opened by oneself",
    "credentials": "what opens a gate",
    "enrolments": "who may pass",
    "households": "the head of a household",
    "hukou_records": "户籍人口清理, as the district's notice has it",
    "inflow_pushes": "流入推送, as the district's notice has it",
    "leases": "landlord and tenant of a dwelling",
    "merges": "two records of one person",
    "names": "another name of a known number, until it is decided",
    "out_movers": "流出人员, as the district's notice has it",
    "persons": "itself",
    "questions": "a to-do of the property",
    "registrations": "the police's word that somebody is registered",
    "requests": "what somebody asks about their own data",
    "residents": "who lives where",
    "told_apart": "two records that look alike and are of two people, decided by a reviewer",
    "visitors": "a visitor's pass, by its code alone",
}
"""Tables that name persons, each with its purpose. One more is a decision for docs/principles.md first."""
PASSES = {
    "clocks.correct": "puts the time of swipes right",
    "declared.own_passes": "the subject's own access",
    "declared.own_swipe": "the subject's own card, shown to open their own data",
    "desk.shown_cards": "cards that no gate knew, just shown by whoever is being enrolled",
    "figures.users_of_documents": "刷卡使用率: who, and neither when nor where; given out as a count",
    "lawful.passes_of_gates": "依法调取: of named gates and hours, never of a person",
    "known._PASSES": "the days of one person that a case may rest on, judged by rules alone",
    "numbers._numbers": "under which numbers swipes are stored: no swipe twice",
    "numbers.stored_between": "the same",
    "replaying.swipes": "what another policy would have made of them: counts alone",
    "slips.read_at_the_gate": "by which kinds of credential, for a slip; neither when nor where",
    "streams._MARKED": "whether there is anything to judge",
    "streams.forget_token": "forgets them",
    "streams.newest_portal": "the gate that a case names: the last, of an unknown credential",
    "streams.newest_seal": "what an unknown credential gave, opened in memory to match it",
    "tokens._nobodys": "names swipes by the newest key",
    "visiting.seen": "whether a visitor's code came and went",
}
"""What in the program reads the stored swipes by whose they are, and to what end.

One more is a query over one person's passes. There is none beyond the subject's own access and 依法调取 (USERS: lawful
access has one community, named portals and 24 hours, and starts from no person).
"""
ASKED_BY = {"own_passes": {"own_data"}, "passes_of_gates": {"lawful"}}
"""Who may call these: the page of the subject's own data, and 依法调取."""


def why_refused(name: str) -> str | None:
    """Why no field or table may be called so; None where it may."""
    words = [*re.split(r"[_\W]+", name.casefold()), name.casefold().replace("_", "")]
    return next((why for said, why in REFUSED.items() if any(re.search(said, word) for word in words)), None)


def named() -> Iterator[tuple[str, str]]:
    """Where a name stands, and the name: tables, columns, messages of the bus, lists, what a driver gives on."""
    for table in metadata.sorted_tables:
        yield "table", table.name
        yield from ((f"table {table.name}", column.name) for column in table.columns)
    for one in vars(wire).values():
        if isinstance(one, type) and issubclass(one, wire.Struct):
            yield from ((f"message {one.__name__}", name) for name in one.__struct_fields__)
    for found in pkgutil.iter_modules(api.__path__):
        for one in vars(importlib.import_module(f"{api.__name__}.{found.name}")).values():
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from ((f"API {one.__name__}", name) for name in one.model_fields)
    for form in FORMS.values():
        yield from ((f"list {form.kind}", said) for one in form.columns for said in (one.name, *one.headings))
    yield from (("what a card gives", one.name) for kind in (Identity, CardText) for one in fields(kind))


def test_no_field_and_no_table_is_for_what_the_product_refuses() -> None:
    found = {f"{where}: {name}": why for where, name in named() if (why := why_refused(name)) is not None}
    assert not found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ethnicity", "ethnicity"), ("religion", "religion"), ("political_status", "politics"),
        ("health_code", "health"),
        ("face_template", "biometrics"), ("fingerprint", "biometrics"), ("watch_list", "list of persons"),
        ("key_person", "list of persons"), ("risk_score", "list of persons"), ("是否重点人员", "list of persons"),
        ("trajectory", "where somebody went"), ("民族", "ethnicity"), ("marital_status", "marriage"),
    ],
)  # fmt: skip
def test_a_field_of_that_kind_would_be_refused_with_its_reason(name: str, why: str) -> None:
    said = why_refused(name)
    assert said is not None
    assert why in said


def test_a_person_is_known_by_no_more_than_this() -> None:
    assert {column.name for column in t.persons.columns} == PERSONS


def about_persons(tables: Any) -> set[str]:
    return {table.name for table in tables if table is t.persons or _names_persons(table)}


def _names_persons(table: Table) -> bool:
    keys = (key for column in table.columns for key in column.foreign_keys)
    return any(key.target_fullname == "persons.id" for key in keys) or "person" in table.c


def test_every_list_of_persons_has_a_purpose() -> None:
    assert about_persons(metadata.sorted_tables) == set(ABOUT_PERSONS), (
        "a further list of persons: the product keeps none without a purpose (docs/principles.md)"
    )
    assert about_persons([Table("noted", type(metadata)(), Column("person", Integer))]) == {"noted"}


def programs() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        if not {"station", "tables", "migrations"} & set(path.parts):
            yield path, ast.parse(path.read_text("utf-8"))


def readers_of_passes(tree: ast.Module) -> set[str]:
    """The functions and statements of a module that touch the stored swipes and a token."""
    aliases = {name for node in tree.body if isinstance(node, ast.Assign) for name in _bound(node)}
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        inside = list(ast.walk(node))
        touches = any(_is_swipes(one) or (isinstance(one, ast.Name) and one.id in aliases) for one in inside)
        if touches and any(isinstance(one, ast.Attribute) and one.attr == "token" for one in inside):
            found.add(name)
    return found


def _bound(node: ast.Assign) -> Iterator[str]:
    """The names that an assignment gives to the table of swipes, or to its columns."""
    target, value = node.targets[0], node.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    for name, said in pairs:
        plain = said.value if isinstance(said, ast.Attribute) and said.attr == "c" else said
        if isinstance(name, ast.Name) and _is_swipes(plain):
            yield name.id


def _is_swipes(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute) and node.attr == "swipes" and getattr(node.value, "id", "") in ("t", "tables")
    )


def test_nothing_asks_for_one_persons_passes_but_the_subject() -> None:
    found = {f"{path.stem}.{name}" for path, tree in programs() for name in readers_of_passes(tree)}
    assert found == set(PASSES), "a query over one person's passes: only the subject's own access, and 依法调取"
    for name, who in ASKED_BY.items():
        callers = {
            path.stem
            for path, tree in programs()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
            if isinstance(node.func.value, ast.Name)
        }
        assert callers == who, f"somebody else asks for {name}"


def test_nobody_asks_for_passes_in_words_of_sql() -> None:
    said = [
        (path.stem, node.value)
        for path, tree in programs()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [one for one in said if re.search(r"\b(FROM|JOIN)\s+swipes\b", one[1], re.IGNORECASE)] == []


def test_a_new_query_over_passes_is_found() -> None:
    tree = ast.parse("s = t.swipes.c\ndef path_of(person):\n    return select(s.at).where(s.token == person)\n")
    assert readers_of_passes(tree) == {"path_of"}


@pytest.mark.parametrize("form", FORMS.values(), ids=[kind.value for kind in FORMS])
def test_a_list_drops_such_a_column_unread(form: Any) -> None:
    refused = ("民族", "政治面貌", "宗教信仰", "婚姻状况", "健康状况", "是否重点人员", "照片", "指纹")
    layout = layout_of(form, [*(column.headings[0] for column in form.columns), *refused])
    assert layout.dropped == refused
    assert len(layout.columns) == len(form.columns)
