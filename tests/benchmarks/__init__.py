"""How fast it is, beside what one would have otherwise: `python -m tests.benchmarks` measures and prints one table."""
