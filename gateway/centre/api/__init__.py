"""The centre's HTTP API under /api/v1: OpenAPI, problem+json, one bearer token for each program that uses it."""
