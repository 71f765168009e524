"""Tables of who may use the centre: accounts, recovery codes, sign-ins; and the chained record of acts."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, LargeBinary, String, Table, false

from gateway.store.tables.schema import metadata, number

accounts = Table(
    "accounts",
    metadata,
    Column("id", number, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("shown", String(60), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("scope", String(40), nullable=False, server_default=""),
    Column("password", String(200)),
    Column("totp", LargeBinary),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("invite", LargeBinary(16), unique=True),
    Column("invite_until", BigInteger),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)
"""`roles` of `rules.roles.Role`; `scope` the community, street or police station they are confined to, or "".

`password` is an Argon2id string, none before the invitation was taken up; `totp` the second factor's key, encrypted,
`totp_step` the last time step that was used; `invite` a keyed hash of the invitation.
"""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", number, primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
)
"""Keyed hashes of codes that each stand once for the second factor; a used one is gone."""

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", number, primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
    Column("agent", LargeBinary(16), nullable=False),
    Column("second", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
"""Sessions by a keyed hash of their token, bound to the browser (`agent`); `second`: the second factor was shown."""

audit = Table(
    "audit",
    metadata,
    Column("id", number, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("actor", String(64), nullable=False),
    Column("role", String(20), nullable=False),
    Column("act", String(40), nullable=False),
    Column("about", String(120), nullable=False),
    Column("community", String(40), nullable=False, server_default=""),
    Column("purpose", String(200), nullable=False, server_default=""),
    Column("digest", LargeBinary(32), nullable=False),
)
"""Each reading of personal data and each act of an administrator; `digest` chains it to all before it."""

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("id", number, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False, unique=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)
"""How far the record went at a moment: the number and digest of its last row, signed."""
