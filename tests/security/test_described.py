"""The API as its own description has it: every operation, every role, what fits and what does not (schemathesis).

Paths are made of the numbers of a town that is full of work, so that answers are more than "there is no such thing".
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.centre.centres import ROLES, Centre, secret
from tests.security.two_streets import HERE, numbers_of, town

pytestmark = [pytest.mark.long, pytest.mark.real("schemathesis"), pytest.mark.timeout(3600)]

PROGRAM = Path(__file__).resolve().parents[2] / ".venv" / "schemathesis" / "bin" / "schemathesis"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "ignored_auth",
)  # fmt: skip
EXAMPLES = 10
OF_NUMBER = {"case": "cases", "person": "persons", "card": "credentials", "dwelling": "dwellings"}
EVERYWHERE = ("administrator-everywhere", "auditor-everywhere", "security-everywhere", "committee-everywhere")
CLIENTS = (*(HERE.client(role) for role in ROLES), *EVERYWHERE, None)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with town(tmp_path_factory.mktemp("town")) as one:
        yield one


@pytest.fixture(scope="module")
def document(centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description, with the numbers of this town where one stands in a path."""
    said = centre.ask("GET", "/api/v1/openapi.json", None).json
    numbers = numbers_of(centre, HERE)
    slips = [one["slip"] for one in centre.ask("GET", "/api/v1/alerts", HERE.client("reviewer")).json]
    fixed: dict[str, list[Any]] = {
        "community": [HERE.community], "station": [HERE.station], "police": [HERE.police], "slip": slips,
        "indicator": ["registration", "plates"], "month": ["2026-10"], "version": [1],
    }  # fmt: skip
    fixed |= {name: numbers[table] for name, table in OF_NUMBER.items()}
    for path, methods in said["paths"].items():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                table = path.rpartition("/{number}")[0].rpartition("/")[2].replace("-", "_")
                known = numbers.get(table) if one["name"] == "number" else fixed.get(one["name"])
                if one["in"] == "path" and known:
                    one["schema"] = {"enum": known}
    file = tmp_path_factory.mktemp("described") / "openapi.json"
    file.write_text(json.dumps(said), encoding="utf-8")
    return file


@pytest.mark.parametrize("client", CLIENTS)
def test_every_answer_is_as_described(
    centre: Centre, document: Path, client: str | None, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    report = tmp_path / "report.json"
    command = [PROGRAM, "run", document, "--url", centre.url, "--checks", ",".join(CHECKS), "--no-color"]
    command += ["--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
    command += ["--generation-deterministic", "--report", "json", "--report-json-path", report]
    command += ["--warnings", "off", "--request-timeout", "30"]
    if client is not None:
        command += ["--header", f"Authorization: Bearer {secret(client)}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = json.loads(report.read_text("utf-8"))
    record_property("schemathesis_operations", found["operations"]["tested"])
    record_property("schemathesis_cases", found["test_cases"]["generated"])
    record_property("schemathesis_errors", found["test_cases"]["with_failures"] + found["test_cases"]["errored"])
    assert done.returncode == 0, done.stdout[-20_000:]
    assert found["operations"]["tested"] == found["operations"]["total"] > 100
    assert found["failures"] == found["errors"] == []
