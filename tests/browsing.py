"""A browser without a screen for tests: keeps cookies, sends forms as our pages do, follows nowhere by itself."""

import contextlib
import http.client
import json
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from gateway.keys import words

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Tests"


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer: its status, its text, where it sends the browser."""

    status: int
    text: str
    to: str


@dataclass
class Visitor:
    """One browser at the site of one address, such as http://127.0.0.1:8080."""

    site: str
    agent: str = AGENT
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Shown:
        return self.ask("GET", path, None, headers)

    def get_json(self, path: str) -> Any:
        """What the API gives somebody who is signed in."""
        return json.loads(self.get(path, Accept="application/json").text)

    def post(self, path: str, form: dict[str, object], *, origin: str | None = None, **headers: str) -> Shown:
        ours = self.site if origin is None else origin
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ours}
        return self.ask("POST", path, urlencode(form, doseq=True), kind | headers)

    def ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Shown:
        connection = http.client.HTTPConnection(urlsplit(self.site).netloc, timeout=20)
        sent = {"Accept": "text/html", "User-Agent": self.agent} | headers
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            for said in answer.headers.get_all("Set-Cookie") or []:
                for name, morsel in SimpleCookie(said).items():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(name, None)
                    else:
                        self.cookies[name] = morsel.value
            to = answer.headers["Location"] or answer.headers["HX-Redirect"] or ""
            return Shown(answer.status, answer.read().decode(errors="replace"), to)

    def sign_in(self, name: str, password: str) -> Shown:
        return self.post("/sign-in", {"name": name, "password": password})

    def take_up(self, link: str, password: str) -> Shown:
        """Take up an invitation by its link or its code."""
        code = link.rpartition("=")[2]
        return self.post("/welcome", {"code": code, "password": password, "again": password})

    def second_factor(self, moment: float) -> str:
        """Set up the second factor that the page offers at this moment (Unix seconds); its key."""
        key = re.findall(r'name="key" value="([0-9a-f]+)"', self.get("/account/second").text)[0]
        code = words.totp_code(bytes.fromhex(key), moment)
        if self.post("/account/second", {"key": key, "code": code}).status != 200:
            raise ValueError("the page did not take the code of the second factor")
        return key


def links(text: str) -> list[str]:
    """The invitations that a page shows."""
    return re.findall(r'href="(/welcome\?code=[^"]+)"', text)
