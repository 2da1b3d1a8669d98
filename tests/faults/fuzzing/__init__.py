"""How Schemathesis asks the service, and what it may be answered."""
