"""What an administrator has a station do from its page: show a device, or read roster or configuration again."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.centre.api.access import Access, within
from gateway.centre.commands import Commands, Order
from gateway.settings import ApiClient
from rules.cases import NotPossible

ACTS = ("identify", "reload")
"""A gate is opened by whoever is responsible for it: by its guard, or by the property over the API."""


def make_orders(commands: Commands, access: Access, changed: Callable[[], None]) -> APIRouter:
    """The router. `changed` is called after a command was given."""
    router = APIRouter()
    administrator = Annotated[ApiClient, Depends(access.page_of_all("administrator"))]

    @router.post("/admin/stations/{station}/commands")
    def give(
        request: Request,  # noqa: ARG001 - access reads who is signed in from it
        station: str,
        client: administrator,
        act: Annotated[str, Form(max_length=16)] = "",
        target: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        if act not in ACTS or not target:
            return RedirectResponse(f"/admin/stations/{station}?said=choose", 303)
        try:
            commands.give(station, Order(act, target, client.name, client.role), lambda place: within(client, place))
        except NotPossible:
            return RedirectResponse(f"/admin/stations/{station}?said=away#devices", 303)
        changed()
        return RedirectResponse(f"/admin/stations/{station}?said=sent#devices", 303)

    return router
