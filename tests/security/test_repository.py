"""What no file of the repository may hold: a secret, or the number of somebody who may exist; what it is made of."""

import json
import re
import runpy
from datetime import date
from pathlib import Path

import pytest

from rules.identity import check_digit
from tests.test_architecture import PYPROJECT, ROOT, named, texts

SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "a key of a cloud": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bLTAI[A-Za-z0-9]{12,30}\b",
    "a token of a forge": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50}|glpat-[A-Za-z0-9_-]{20})",
    "a token of a registry": r"\b(?:pypi-AgE[A-Za-z0-9_-]{40}|npm_[A-Za-z0-9]{36})",
    "a token of a chat": r"\bxox[abprs]-[A-Za-z0-9-]{20}|hooks\.slack\.com/services/T[A-Z0-9]+",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
    "a password in an address": r"[a-z+]{3,12}://[^\s/:@{}<>$\"']{2,40}:[^\s/:@{}<>$\"']{6,60}@[^\s{}<>]",
    "a password in a configuration": r"^\s*(?:password|secret|token)\s*=\s*[\"'][^\"'{}\s]{8,}[\"']",
}
NUMBER = re.compile(r"(?<![0-9A-Za-z])([1-8]\d{5})((?:18|19|20)\d{6})(\d{3}[0-9X])(?![0-9A-Za-z])")
OLDEST = date(1921, 1, 1)
"""Whoever was born before is nobody now: such birth dates are what synthetic people have."""
NOWHERE = re.compile(r"\d{4}(?:99|00)|\d{2}99\d{2}|9\d{5}")
"""Districts that there are none of."""


PUBLISHED = {"110101197810270029", "330105197810270025"}
"""Fixtures that others have published, among our vectors."""


def secrets_in(text: str) -> list[str]:
    """What kinds of secret a text holds."""
    return [kind for kind, said in SECRETS.items() if re.search(said, text, re.MULTILINE)]


def people_in(text: str) -> list[str]:
    """The numbers in a text that somebody may have."""
    found = [one for one in NUMBER.finditer(text) if one[0] not in PUBLISHED]
    return [one[0] for one in found if _may_be(one[1], one[2], one[0])]


def _may_be(district: str, born: str, whole: str) -> bool:
    try:
        day = date(int(born[:4]), int(born[4:6]), int(born[6:]))
    except ValueError:
        return False
    return check_digit(whole[:17]) == whole[17] and day >= OLDEST and NOWHERE.fullmatch(district) is None


def test_no_file_holds_a_secret() -> None:
    # the examples below are none
    found = {named(path): kinds for path, text in texts() if path != Path(__file__) and (kinds := secrets_in(text))}
    assert not found


def test_no_file_holds_the_number_of_somebody_who_may_exist() -> None:
    assert not {named(path): found for path, text in texts() if (found := people_in(text))}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN " + "PRIVATE KEY-----\n" + "A" * 64, "a private key"),
        ("AKIA" + "Z" * 16, "a key of a cloud"),
        ("ghp_" + "a" * 36, "a token of a forge"),
        ("mqtt" + "://gate:long-word-7@broker", "a password in an address"),
        ("pass" + 'word = "long-word-7"', "a password in a configuration"),
    ],
)
def test_a_secret_would_be_found(text: str, kind: str) -> None:
    assert secrets_in(text) == [kind]


def test_a_number_that_somebody_may_have_would_be_found() -> None:
    first = "51170" + "3" + "19840229" + "12"
    several = [first + str(n) for n in range(10)]
    real = [one + check_digit(one) for one in several]
    assert people_in(" ".join(real)) == real
    assert people_in(" ".join(one + ("0" if check_digit(one) != "0" else "1") for one in several)) == []


def test_the_bill_of_materials_names_every_package_that_the_program_needs() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "sbom"))["document"]()
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    parts = {one["name"]: one for one in made["components"]}
    asked = {re.split(r"[\[<>=~!; ]", one)[0] for one in PYPROJECT["project"]["dependencies"]}
    assert asked | {"htmx.org", "htmx-ext-sse", "cffi", "pydantic", "starlette"} <= parts.keys()
    assert not parts.keys() & {"pytest", "ruff", "mypy", "hypothesis", "playwright"}
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    python = [one for one in parts.values() if one["purl"].startswith("pkg:pypi/")]
    assert [one["name"] for one in python if f"\n{one['name']}=={one['version']}" not in f"\n{lock}"] == []
    assert [one["name"] for one in parts.values() if not one["licenses"]] == []
    refs = {one["bom-ref"] for one in [*parts.values(), made["metadata"]["component"]]}
    assert {said for one in made["dependencies"] for said in (one["ref"], *one["dependsOn"])} <= refs
    assert json.loads(json.dumps(made)) == made
