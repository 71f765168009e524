"""`make test-security`: every test of privacy and security, the long ones, too; its last line is one JSON object.

Tests say what they counted by `record_property`. A figure that nobody gave, or that does not fit, fails the run.
"""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATHS = (
    "tests/security",
    "tests/drivers/test_ga467.py",
    "tests/drivers/test_id_text.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_forgery.py",
    "tests/e2e/test_lost_box.py",
    "tests/gateway/centre/test_accounts.py",
    "tests/gateway/centre/test_admin_pages.py",
    "tests/gateway/centre/test_api.py",
    "tests/gateway/centre/test_crawl.py",
    "tests/gateway/centre/test_declared.py",
    "tests/gateway/centre/test_lawful.py",
    "tests/gateway/centre/test_list_forms.py",
    "tests/gateway/centre/test_lists_api.py",
    "tests/gateway/centre/test_own_pages.py",
    "tests/gateway/centre/test_people_pages.py",
    "tests/gateway/centre/test_retention.py",
    "tests/gateway/centre/test_sheet.py",
    "tests/gateway/centre/test_sign_in.py",
    "tests/gateway/centre/test_tokens.py",
    "tests/gateway/centre/test_twins.py",
    "tests/gateway/centre/test_webhooks.py",
    "tests/gateway/station/console",
    "tests/gateway/test_broker.py",
    "tests/gateway/test_brokerlog.py",
    "tests/gateway/test_bundle.py",
    "tests/gateway/test_certificates.py",
    "tests/gateway/test_keeping.py",
    "tests/gateway/test_keys.py",
    "tests/gateway/test_main.py",
    "tests/gateway/test_tls.py",
    "tests/gateway/test_trusted.py",
    "tests/gateway/web/test_guard.py",
    "tests/gateway/web/test_limits.py",
)
"""What holds a claim of docs/threat-model.md or docs/principles.md."""
ZERO = ("fuzzer_leaks", "schemathesis_errors", "least_data_finds")
FIGURES = (
    "routes_in_matrix",
    "routes_covered",
    "topics_checked",
    "schemathesis_operations",
    "fuzzer_requests",
    *ZERO,
)


class Counted:
    """A plugin that adds up what tests counted, and how they ended."""

    def __init__(self) -> None:
        self.figures: dict[str, int] = {}
        self.ended = {"passed": 0, "failed": 0, "skipped": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.outcome] += 1
        if report.when == "teardown":
            for name, value in report.user_properties:
                self.figures[name] = self.figures.get(name, 0) + int(value)  # type: ignore[call-overload]

    def mistakes(self) -> list[str]:
        """What is wrong with the figures themselves."""
        missing = [f"nobody counted {name}" for name in FIGURES if name not in self.figures]
        found = [f"{name} is not 0" for name in ZERO if self.figures.get(name)]
        if self.figures.get("routes_in_matrix") != self.figures.get("routes_covered"):
            found.append("a route is not covered")
        return missing + found


def main() -> int:
    """Run it all; 0 when every test passed and every figure is there and as it must be."""
    counted = Counted()
    status = pytest.main(["-q", "--long", *(str(ROOT / path) for path in PATHS)], plugins=[counted])
    mistakes = counted.mistakes()
    for mistake in mistakes:
        print(f"test-security: {mistake}")
    print(json.dumps(counted.figures | counted.ended), flush=True)
    return 1 if status != pytest.ExitCode.OK or mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
