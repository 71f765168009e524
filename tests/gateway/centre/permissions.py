"""Who may use which route of the centre, and what a call of it sends."""

from typing import Any

from tests.gateway.centre.office import NOW, TODAY, number

A = number(1)
HEAD = 'version = 2\nauthor = "office"\nreason = "far away"\n'
PERSON = {"kind": "citizen-id", "number": number(2), "name": "测试甲", "since": TODAY.isoformat(), "room": "502室"}

MAY: dict[tuple[str, str], set[str]] = {
    ("GET", "/api/v1/cases"): {"worker", "reviewer", "street", "administrator"},
    ("GET", "/api/v1/cases/{case}/events"): {"worker", "reviewer", "street", "administrator"},
    ("POST", "/api/v1/cases/{case}/acts"): {"worker", "reviewer", "street", "property"},
    ("POST", "/api/v1/cases/{case}/visits"): {"worker", "reviewer"},
    ("POST", "/api/v1/cases/{case}/merge"): {"reviewer"},
    ("POST", "/api/v1/cases/{case}/receipt"): {"reviewer"},
    ("GET", "/api/v1/cases/{case}/differences"): {"reviewer"},
    ("GET", "/api/v1/worklists/tonight"): {"worker", "reviewer"},
    ("GET", "/api/v1/worklists/review"): {"reviewer"},
    ("GET", "/api/v1/worklists/gate"): {"property"},
    ("GET", "/api/v1/communities/{community}/deputies"): {"worker", "reviewer", "street"},
    ("POST", "/api/v1/communities/{community}/deputies"): {"worker", "reviewer", "street"},
    ("POST", "/api/v1/communities/{community}/deputies/{number}/end"): {"worker", "reviewer", "street"},
    ("GET", "/api/v1/blind-checks"): {"reviewer", "street"},
    ("POST", "/api/v1/blind-checks/{number}"): {"reviewer", "street"},
    ("POST", "/api/v1/communities/{community}/dwellings/{dwelling}/household"): {"worker", "reviewer", "property"},
    ("POST", "/api/v1/communities/{community}/cases"): {"worker", "reviewer"},
    ("GET", "/api/v1/alerts"): {"reviewer", "street", "police", "administrator"},
    ("GET", "/api/v1/alerts/{slip}"): {"police"},
    ("POST", "/api/v1/alerts/{slip}/send"): {"reviewer", "street"},
    ("POST", "/api/v1/alerts/{slip}/withdraw"): {"reviewer", "street"},
    ("POST", "/api/v1/alerts/{slip}/answer"): {"police"},
    ("GET", "/api/v1/police/{police}"): {"police", "duty", "administrator"},
    ("GET", "/api/v1/police/{police}/lists"): {"police", "reviewer", "administrator"},
    ("GET", "/api/v1/police/{police}/lists/{day}/checklist"): {"police", "reviewer"},
    ("GET", "/api/v1/police/{police}/lists/{day}/signature"): {"police", "reviewer"},
    ("GET", "/api/v1/police/{police}/lists/{day}/slips/{slip}"): {"police", "reviewer"},
    ("GET", "/api/v1/stations"): {"property", "administrator"},
    ("GET", "/api/v1/stations/{station}/gaps"): {"property", "administrator"},
    ("POST", "/api/v1/stations/{station}/accept"): {"administrator"},
    ("PUT", "/api/v1/communities/{community}/enrolments"): {"property", "administrator"},
    ("PUT", "/api/v1/communities/{community}/registrations"): {"administrator"},
    ("POST", "/api/v1/communities/{community}/credentials/lost"): {"property", "administrator"},
    ("GET", "/api/v1/communities/{community}/residents"): {"property", "reviewer", "administrator"},
    ("POST", "/api/v1/communities/{community}/residents/{person}/moved-out"): {"property", "worker", "reviewer"},
    ("POST", "/api/v1/communities/{community}/residents/{person}/protected"): {"reviewer"},
    ("GET", "/api/v1/communities/{community}/residents/{person}/history"): {"reviewer", "administrator"},
    ("GET", "/api/v1/communities/{community}/residents/{person}/cards"): {"property", "reviewer", "administrator"},
    ("POST", "/api/v1/communities/{community}/residents/{person}/cards"): {"property"},
    ("POST", "/api/v1/communities/{community}/residents/{person}/end"): {"property"},
    ("POST", "/api/v1/communities/{community}/cards/{card}/return"): {"property"},
    ("POST", "/api/v1/communities/{community}/staff/{person}/confirm"): {"property"},
    ("POST", "/api/v1/communities/{community}/visitors"): {"property"},
    ("GET", "/api/v1/communities/{community}/visitors"): {"property"},
    ("POST", "/api/v1/communities/{community}/visitors/{number}/leave"): {"property"},
    ("PUT", "/api/v1/communities/{community}/leases"): {"property"},
    ("GET", "/api/v1/communities/{community}/leases/ending"): {"property"},
    ("POST", "/api/v1/communities/{community}/leases/{number}/decision"): {"property"},
    ("GET", "/api/v1/communities/{community}/twins"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/merges"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/merges/{number}/undo"): {"reviewer"},
    ("GET", "/api/v1/communities/{community}/lists"): {"property", "reviewer", "administrator"},
    ("GET", "/api/v1/communities/{community}/lists/{kind}/template"): {"property", "reviewer", "administrator"},
    ("GET", "/api/v1/communities/{community}/lists/{kind}/export"): {"property", "reviewer", "administrator"},
    ("POST", "/api/v1/communities/{community}/lists/{kind}"): {"property", "reviewer", "administrator"},
    ("GET", "/api/v1/communities/{community}/lists/{number}"): {"property", "reviewer", "administrator"},
    ("GET", "/api/v1/communities/{community}/lists/{number}/rows"): {"property", "reviewer", "administrator"},
    ("POST", "/api/v1/communities/{community}/lists/{number}/take"): {"property", "reviewer", "administrator"},
    ("GET", "/api/v1/indicators"): {"committee", "street", "reviewer", "administrator"},
    ("GET", "/api/v1/indicators/time-to-register"): {"street", "reviewer", "administrator"},
    ("GET", "/api/v1/indicators/{indicator}/trend"): {"street", "administrator"},
    ("GET", "/api/v1/communities/{community}/indicators/{indicator}/list"): {"reviewer", "street"},
    ("GET", "/api/v1/month-ends"): {"committee", "street", "administrator"},
    ("GET", "/api/v1/month-ends/{month}"): {"street", "administrator"},
    ("POST", "/api/v1/month-ends/{month}"): {"administrator"},
    ("POST", "/api/v1/communities/{community}/field-audits"): {"street"},
    ("GET", "/api/v1/communities/{community}/field-audits"): {"street", "reviewer"},
    ("GET", "/api/v1/communities/{community}/field-audits/{number}"): {"street"},
    ("PUT", "/api/v1/communities/{community}/field-audits/{number}/dwellings/{dwelling}"): {"street"},
    ("GET", "/api/v1/communities/{community}/declarations"): {"reviewer"},
    ("GET", "/api/v1/communities/{community}/declarations/{number}"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/declarations/{number}/confirm"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/declarations/{number}/reject"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/residents/{person}/code"): {"property", "reviewer"},
    ("GET", "/api/v1/communities/{community}/requests"): {"reviewer"},
    ("POST", "/api/v1/communities/{community}/requests/{number}/answer"): {"reviewer"},
    ("GET", "/api/v1/communities/{community}/questions"): {"property"},
    ("GET", "/api/v1/policies"): {"administrator"},
    ("POST", "/api/v1/policies"): {"administrator"},
    ("POST", "/api/v1/policies/{version}/approve"): {"administrator"},
    ("POST", "/api/v1/policies/{version}/rollback"): {"administrator"},
    ("POST", "/api/v1/stations/{station}/commands"): {"property", "administrator"},
    ("GET", "/api/v1/stations/{station}/commands"): {"property", "street", "administrator"},
}
"""Who may use which route. A route that is not here fails the test below."""
OPEN = {"/", "/cases", "/alerts", "/stations", "/quarantine", "/policy", "/stream", "/healthz", "/metrics"} | {
    "/stations/{station}",
    "/stations/{station}/accept",
    "/rules",
    "/rules/check",
    "/rules/explain",
    "/rules/replay",
    "/rules/replayed",
}
"""Pages without a name or a number, on this machine alone, and what a monitor asks for."""
OPEN |= {"/me", "/me/declare", "/me/open", "/me/ask", "/me/object", "/landlord", "/landlord/declare", "/{who}/form"}
"""Pages for people without an account: they tell nobody anything about anybody else."""
PUBLIC = {
    ("POST", "/api/v1/declarations"),
    ("POST", "/api/v1/landlord/declarations"),
    ("GET", "/api/v1/declarations/{receipt}"),
    ("POST", "/api/v1/me/open"),
    ("GET", "/api/v1/me"),
    ("POST", "/api/v1/me/requests"),
    ("POST", "/api/v1/me/objection"),
}
"""The same over the API: a declaration needs no token, one's own data a session of one's own."""


DISTRICT = {"/api/v1/indicators/time-to-register", "/api/v1/indicators/{indicator}/trend", "/api/v1/month-ends"} | {
    "/api/v1/month-ends/{month}",
    "/api/v1/policies",
    "/api/v1/policies/{version}/approve",
    "/api/v1/policies/{version}/rollback",
}
"""What is about the whole district is not there for whoever may see a part of it."""


def body_of(path: str) -> Any:
    """What a call of this path may send; None where it sends nothing."""
    last = "dwelling of an audit" if "/field-audits/" in path and "/dwellings/" in path else path.rsplit("/", 1)[-1]
    return {
        "acts": {"act": "assign", "revision": 1, "to": "w"},
        "visits": {"at": NOW.isoformat(), "met": True, "notice_left": True, "revision": 1},
        "merge": {"revision": 1, "into": 1},
        "deputies": {"worker": "worker-here", "deputy": "w", "since": TODAY.isoformat(), "until": TODAY.isoformat()},
        "household": {"members": [{name: PERSON[name] for name in ("kind", "number", "name", "since")}]},
        "cases": {"source": "landlord", "person": 1, "room": ""},
        "1": {"upheld": True, "note": "seen"},
        "receipt": {"revision": 1, "receipt": "HZ-1", "since": TODAY.isoformat()},
        "send": {"revision": 1},
        "withdraw": {"revision": 1, "why": "found"},
        "accept": {"kind": "missing", "person": "示例管理员"},
        "commands": {"act": "identify", "target": "east-in"},
        "lost": {"kind": "citizen-id", "number": A, "lost": True},
        "moved-out": {"day": TODAY.isoformat(), "why": "declared"},
        "protected": {"protected": False, "why": "ended"},
        "cards": {"kind": "card-uid", "number": "04A1B2C3"},
        "end": {"why": "moved_out"},
        "confirm": {"until": TODAY.isoformat()},
        "visitors": {"since": NOW.isoformat(), "until": NOW.isoformat()[:11] + "23:00:00+08:00"},
        "leases": {"dwelling": {"building": "3栋", "room": "501室"}, "since": TODAY.isoformat()},
        "dwellings": {"any": "bytes are taken, and looked at later"},
        "field-audits": {"size": 1},
        "dwelling of an audit": {"refused": True},
        "reject": {"why": "mistyped"},
        "answer": {"done": True} if "/requests/" in path else {"answer": "acknowledged"},
        "decision": {"decision": "renewed"},
        "policies": {"text": HEAD + "effective_from = 2099-01-01T00:00:00"},
        "rollback": {"reason": "too long"},
        "merges": {"kept": 1, "gone": 1, "why": "the same"},
        "enrolments": {"rows": [PERSON]},
        "registrations": {"as_of": TODAY.isoformat(), "complete": False, "rows": []},
    }.get(last)
