"""What the API says of itself (OpenAPI): its own routes alone, who may use each, and how a refusal looks."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.centre.api.access import permissions
from gateway.wire import SOFTWARE

PREFIX = "/api/v1/"
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""What a file is in a description."""
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "mistakes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at", "problem"],
                "properties": {"at": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}
_REFUSED = {
    "description": "A refusal (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_TOO_MUCH = {"description": "The request itself is refused before it is read", "content": {"text/plain": {}}}


def describe(app: FastAPI) -> None:
    """Have the application describe the API, and no page, at its `openapi_url`."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(_document(app))
        return made[0]

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    said: dict[str, Any] = get_openapi(title=app.title, version=SOFTWARE, routes=app.routes)
    said["paths"] = {path: methods for path, methods in said["paths"].items() if path.startswith(PREFIX)}
    roles = permissions(app)
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            _add(operation, sorted(roles.get((method.upper(), path)) or ()))
    parts = said.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return said


def _add(operation: dict[str, Any], roles: list[str]) -> None:
    """Say how the operation refuses, and whom it lets in."""
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = _REFUSED
    if "requestBody" in operation:
        responses |= {"411": _TOO_MUCH, "413": _TOO_MUCH}
    if roles:
        operation["security"] = [{"token": []}]
        operation["x-roles"] = roles
