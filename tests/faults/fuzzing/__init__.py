"""Configuration of Schemathesis and an additional check."""
