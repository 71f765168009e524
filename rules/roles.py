"""The roles of those who use the pages and the API, and which of them never belong to one person."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the gateway; each sees what that work needs and nothing else."""

    GUARD = "guard"
    PROPERTY = "property"
    WORKER = "worker"
    REVIEWER = "reviewer"
    STREET = "street"
    COMMITTEE = "committee"
    POLICE = "police"
    """A community officer (社区民警)."""
    DUTY = "duty"
    """The duty desk of a police station, which sees counts."""
    ADMINISTRATOR = "administrator"
    """系统管理员"""
    SECURITY = "security"
    """安全管理员: accounts and keys."""
    AUDITOR = "auditor"
    """审计管理员: reads the record of acts, and changes nothing."""


THREE = frozenset({Role.ADMINISTRATOR, Role.SECURITY, Role.AUDITOR})
"""三员: in a district never two of them are one person (GB/T 22239, separation of administrators)."""
SECOND_FACTOR = THREE | {Role.POLICE, Role.DUTY, Role.COMMITTEE}
"""Whose sign-in needs a second factor in a district."""
CONFINED = frozenset({Role.GUARD, Role.PROPERTY, Role.WORKER, Role.REVIEWER, Role.STREET, Role.POLICE, Role.DUTY})
"""Who belongs to one place: an account of theirs without a scope is a mistake."""


def mistakes(roles: Iterable[Role], scope: str, *, district: bool) -> list[str]:
    """Why one account may not have these roles within `scope`; codes, none where it may."""
    held = set(roles)
    found = []
    if not held:
        found.append("none")
    if district and len(held & THREE) > 1:
        found.append("three")
    if held & CONFINED and not scope:
        found.append("scope")
    if len(held) > 1 and held & {Role.POLICE, Role.DUTY} and held - {Role.POLICE, Role.DUTY}:
        found.append("police")
    return found
