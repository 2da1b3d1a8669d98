"""The server process: uvicorn, connections with timeouts, signals."""
