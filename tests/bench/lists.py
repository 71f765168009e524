"""A list of so many residents, checked and taken: `python -m tests.bench.lists [ROWS] [sqlite|postgres]`."""

import resource
import sys
import tempfile
import threading
import time
from datetime import date, timedelta
from pathlib import Path

from openpyxl import Workbook

from gateway.centre.lists.forms import Kind
from gateway.centre.lists.runs import Runs
from gateway.centre.lists.takers import Takers
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import lists
from tests.gateway.centre.office import BY, MASTER, YUAN, Office, number
from tests.gateway.store.databases import Postgres

HEAD = ("姓名", "身份证号码", "楼栋", "单元", "房号", "人员类别", "入住日期", "联系电话", "从业状况", "服务处所")
ROOMS = 30_000


def a_list(rows: int, path: Path) -> bytes:
    """An Excel file of residents, three to a room."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEAD)
    for i in range(rows):
        room = i % ROOMS
        who = number(i % 1000, date_of(i // 1000))
        sheet.append(
            (
                f"测试{i}",
                who,
                f"{room // 300}栋",
                "1单元",
                f"{room % 300}室",
                "流动人口",
                "2026-11-01",
                f"138{i:08d}",
                "未从业",
                "",
            )
        )
    book.save(path)
    return path.read_bytes()


def date_of(step: int) -> date:
    return date(1950, 1, 1) + timedelta(days=step)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    dialect = sys.argv[2] if len(sys.argv) > 2 else "sqlite"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Postgres() if dialect == "postgres" else None
        database = Database(server.empty() if server is not None else f"sqlite:///{folder / 'centre.sqlite3'}")
        database.migrate()
        office = Office(database)
        with database.write() as connection:
            connection.execute(
                t.dwellings.insert(),
                [
                    {"community": YUAN, "building": f"{i // 300}栋", "unit": "1单元", "room": f"{i % 300}室"}
                    for i in range(ROOMS)
                ],
            )
        data = a_list(rows, folder / "list.xlsx")
        print(f"{rows} rows, {len(data) / 1e6:.1f} MB, {dialect}")
        takers = Takers(MASTER, office.register, lambda *_: None)
        runs = Runs(database, MASTER, takers, office.casework, folder / "lists", lambda: None)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        one = runs.receive(BY, YUAN, Kind.RESIDENTS, data)
        for what in ("checked", "taken", "taken again"):
            if what == "taken again":
                one = runs.receive(BY, YUAN, Kind.RESIDENTS, data)
                runs.turn(threading.Event())
            if what != "checked":
                runs.take(one, BY)
            begun = time.monotonic()
            runs.turn(threading.Event())
            with database.read() as connection:
                run = lists.one(connection, one)
            assert run is not None
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(
                f"{what}: {time.monotonic() - begun:.1f} s, good {run.good}, new {run.fresh}, changed {run.changed},"
                f" peak {peak / 1024:.0f} MB (before {before / 1024:.0f})"
            )
        if server is not None:
            database.close()
            server.close()


if __name__ == "__main__":
    main()
