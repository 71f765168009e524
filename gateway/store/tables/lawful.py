"""The table of lawful requests for passes (依法调取)."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from gateway.store.tables.schema import metadata, number

disclosures = Table(
    "disclosures",
    metadata,
    Column("id", number, primary_key=True),
    Column("document", String(64), nullable=False),
    Column("authority", String(80), nullable=False),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("portals", JSON, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("tell", Boolean, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("decided_by", String(64)),
    Column("decided", BigInteger),
    Column("why", String(200), nullable=False, server_default=""),
    Column("rows", Integer),
    Column("digest", String(64)),
    Column("file", LargeBinary),
)
"""`document` 文号 and `authority` as they stand on the paper; state waiting, released or refused (`why`).

`tell`: whoever passed may see that it was released. `file` is what was handed over, sealed by a passphrase that is
kept nowhere; it goes after its time, and `rows` and `digest` stay.
"""
