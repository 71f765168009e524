"""Whom the loss of a box concerns: everyone whom it knew by token, in a list for the property to tell them by."""

import os
from pathlib import Path

from sqlalchemy import Connection

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.centre.lists import writing
from gateway.keys import Master, NotAuthentic
from gateway.store.queries import affected

_TITLE = "须告知人员"
_HEADINGS = ("姓名", "楼栋", "单元", "房间", "电话", "须重新刷卡")
_UNREADABLE = "(无法读取)"
_YES = "是"


def keep(connection: Connection, master: Master, who: Who, station: str, community: str, target: Path) -> int:
    """Write the list into a new file for its owner alone, and note that it was made; how many it names.

    Raises:
        OSError: the file is there already, or cannot be written: nothing is noted then.
    """
    rows = affected.people(connection, community)
    said = [
        (
            _opened(master, "persons.name", row.name),
            row.building or "",
            row.unit or "",
            row.room or "",
            _opened(master, "persons.phone", row.phone) if row.phone is not None else "",
            _YES if row.waits else "",
        )
        for row in rows
    ]
    book = writing.pages([(_TITLE, [_HEADINGS, *said])])
    audit.note(connection, who, "export", f"stations/{station}/told", community=community, purpose=f"{len(rows)}")
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(book)
        file.flush()
        os.fsync(file.fileno())
    return len(rows)


def _opened(master: Master, column: str, hidden: bytes) -> str:
    try:
        return master.show(column, hidden)
    except NotAuthentic:
        return _UNREADABLE
