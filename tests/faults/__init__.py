"""What may go wrong, done to real processes on purpose, and what has to hold all the same."""
