"""Fresh databases of both kinds for the tests here."""

from tests.gateway.store.databases import database, empty_url, postgres, template, url

__all__ = ["database", "empty_url", "postgres", "template", "url"]
