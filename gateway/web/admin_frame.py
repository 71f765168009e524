"""The frame of administration: which of its pages each of the three administrators has."""

from collections.abc import Mapping

from starlette.requests import Request

from gateway.web.frame import Frame, Tab
from rules.roles import Role

TABS: Mapping[Role, tuple[Tab, ...]] = {
    Role.ADMINISTRATOR: (
        Tab("/admin", "centre.overview"),
        Tab("/admin/cases", "centre.cases"),
        Tab("/admin/alerts", "centre.alerts"),
        Tab("/admin/stations", "centre.stations"),
        Tab("/admin/quarantine", "centre.quarantine"),
        Tab("/admin/deliveries", "admin.deliveries"),
        Tab("/admin/communities", "admin.communities"),
        Tab("/admin/retention", "admin.retention"),
        Tab("/admin/lawful", "admin.lawful"),
        Tab("/admin/rules", "centre.rules"),
        Tab("/admin/keys", "admin.keys"),
    ),
    Role.SECURITY: (
        Tab("/admin/accounts", "admin.accounts"),
        Tab("/admin/keys", "admin.keys"),
        Tab("/admin/lawful", "admin.lawful"),
        Tab("/admin/rules", "centre.rules"),
    ),
    Role.AUDITOR: (
        Tab("/admin/audit", "admin.audit"),
        Tab("/admin/lawful", "admin.lawful"),
        Tab("/admin/retention", "admin.retention"),
    ),
}
"""Each role's own; somebody who is several of them has them all."""


def admin_frame(request: Request, district: str, banner: str = "") -> Frame:
    """The frame for whoever is signed in; all tabs for a program, which has no use for any."""
    signed = getattr(request.state, "signed", None)
    roles = TABS.keys() if signed is None else [role for role in TABS if role in signed.roles]
    tabs = {tab.href: tab for role in roles for tab in TABS[role]}
    return Frame(district, "centre.title", tuple(tabs.values()), banner=banner)
