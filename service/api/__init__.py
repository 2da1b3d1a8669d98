"""The HTTP API: requests in, responses out. It knows nothing of SQL or threads."""
