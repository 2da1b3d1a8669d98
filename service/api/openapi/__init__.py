"""Additions to `/openapi.json`: examples, security schemes and common error responses."""
