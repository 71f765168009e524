"""Tables of what goes to the police: the lists that were made for a station."""

from sqlalchemy import JSON, BigInteger, Column, Date, String, Table

from gateway.store.tables.schema import metadata

police_lists = Table(
    "police_lists",
    metadata,
    Column("police_station", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("made", BigInteger, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("rows", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""核查清单 by the working day that it is for. `rows`: slip, revision and community of each; `digest`: of its page."""
