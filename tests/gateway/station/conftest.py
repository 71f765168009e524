"""A database to copy, for the centre at the other end of the line."""

from tests.gateway.store.databases import template

__all__ = ["template"]
