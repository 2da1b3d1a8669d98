"""ASGI middleware: access control and the request log."""
