"""The people of the demonstration who sign in: each takes up an invitation with a password of this run."""

import json
import secrets
import urllib.parse
import urllib.request
from pathlib import Path

from simulators.actors import Api
from simulators.compound import STREET
from simulators.papers import POLICE_STATION

STAFF = {
    "wuye": ("江湾物业 孙经理", "property", "community"),
    "wangge": ("网格员 小吴", "worker", "community"),
    "shenhe": ("社区审核员 老郑", "reviewer", "community"),
    "jiedao": ("江湾街道 综治办", "street", "street"),
    "zhengfawei": ("区委政法委", "committee", ""),
    "minjing": ("社区民警 小赵", "police", "police"),
    "guanli": ("系统管理员", "administrator", ""),
    "anquan": ("安全管理员", "security", ""),
    "shenji": ("审计管理员", "auditor", ""),
}
"""Account -> shown name, role, and whether it belongs to the compound, its street, the police or the district."""


def take_up(file: Path, base: str, security: Api, community: str) -> dict[str, str]:
    """Account -> password; made once, and kept in `file` (mode 0600) with the demonstration's data."""
    if file.exists():
        found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return found
    words = {name: secrets.token_urlsafe(9) for name in STAFF}
    file.touch(mode=0o600)
    scopes = {"community": community, "police": POLICE_STATION, "street": STREET, "": ""}
    for name, (shown, role, place) in STAFF.items():
        body = {"name": name, "shown": shown, "roles": [role], "scope": scopes[place]}
        code = security.call("POST", "/accounts", body)["invitation"]
        form = urllib.parse.urlencode({"code": code, "password": words[name], "again": words[name]}).encode()
        request = urllib.request.Request(f"{base}/welcome", form, {"Origin": base}, method="POST")  # noqa: S310
        urllib.request.build_opener(_Stay).open(request, timeout=10).close()
    file.write_text(json.dumps(words), encoding="utf-8")
    return words


def table(words: dict[str, str]) -> str:
    """A line for each account: name, password, who it is."""
    return "\n".join(f"      {name:<12}{word:<16}{STAFF[name][0]}" for name, word in words.items())


class _Stay(urllib.request.HTTPErrorProcessor):
    """Leaves redirections alone: the answer to a form is one, and what it leads to is not asked for."""

    def http_response(self, request: urllib.request.Request, response):  # type: ignore[no-untyped-def]
        if response.code >= 400:
            return super().http_response(request, response)
        return response
