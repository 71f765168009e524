"""`gateway slips` as a technician meets it: by what it prints and how it exits."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.keys import load_or_create_master, verify, write_secret
from gateway.settings import load
from gateway.store.database import Database
from gateway.store.queries import streams
from rules.model import CIVIL

CONFIG = """
data = "data"
[[communities]]
id = "test-yuan"
name = "滨河苑"
street = "江湾街道"
police_station = "jiangwan"
portals = ["east"]
[[police]]
name = "jiangwan"
routes = [{ kind = "webhook", url = "https://police.example/slips", secret_file = "one.secret" }]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG, encoding="utf-8")
    settings = load(path)
    load_or_create_master(settings.data / "master.key")
    database = Database(settings.database)
    database.migrate()
    with database.write() as connection:
        row = {
            "id": "test-yuan",
            "name": "滨河苑",
            "street": "江湾街道",
            "police_station": "jiangwan",
            "portals": ["east"],
        }
        streams.put_communities(connection, [row])
    database.close()
    return str(path)


def slips(config: str, *words: str) -> int:
    return main(["slips", *words, "--config", config])


def test_a_list_is_made_on_demand_and_its_key_is_printed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert slips(config, "export") == 0
    folder = Path(capsys.readouterr().out.strip())
    today = datetime.now(UTC).astimezone(CIVIL).date()
    assert folder.parts[-2:] == ("jiangwan", today.isoformat())
    (book,) = folder.glob("*.xlsx")
    master = load_or_create_master(load(Path(config)).data / "master.key")
    verify(master.lists_public(), Path(f"{book}.sig").read_bytes(), book.read_bytes())
    assert slips(config, "key") == 0
    assert capsys.readouterr().out == master.lists_public_pem()
    yesterday = (today - timedelta(days=1)).isoformat()
    assert slips(config, "export", "--date", yesterday, "--station", "jiangwan") == 0
    assert Path(capsys.readouterr().out.strip()).name == yesterday


def test_what_cannot_be_made_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert slips(config, "export", "--date", "2999-01-01") == 2
    assert "has not come yet" in capsys.readouterr().err
    assert slips(config, "export", "--station", "moon") == 2
    assert "no compound has the police station 'moon'" in capsys.readouterr().err


def test_deliveries_are_listed_tested_and_replayed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert slips(config, "test") == 0
    assert json.loads(capsys.readouterr().out) == {"police_station": "jiangwan", "id": 1}
    assert slips(config, "deliveries") == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["kind"], listed["state"], listed["tries"]) == ("xiaoqu.test", "waiting", 0)
    assert slips(config, "deliveries", "--dead") == 0
    assert capsys.readouterr().out == ""
    assert slips(config, "replay") == 0
    assert json.loads(capsys.readouterr().out) == {"police_station": "jiangwan", "events": 0}
    assert slips(config, "replay", "--station", "jiangwan", "--id", "1") == 1
    assert "waits to be delivered already" in capsys.readouterr().err


def test_what_is_wrong_with_a_webhook_s_files_is_said_by_check(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    secret = Path(config).parent / "one.secret"
    for text, said in (
        (None, "one.secret"),
        ("hunter2", "not whsec_"),
        ("whsec_c2hvcnQ=", "not whsec_"),
        ("a\n" * 5, "5 secrets"),
    ):
        if text is not None:
            secret.unlink(missing_ok=True)
            write_secret(secret, text)
        assert main(["check", "--config", config]) == 2
        assert said in capsys.readouterr().err
        assert "hunter2" not in capsys.readouterr().err
