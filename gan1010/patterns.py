"""Patterns: the bits of real data, one word such as 1010, or several words of one length such as 1010+0101."""

MAX_PATTERN_BITS = 16
MAX_PATTERNS = 8
WORD = f"[01]{{1,{MAX_PATTERN_BITS}}}"
PATTERN = rf"^{WORD}(\+{WORD}){{0,{MAX_PATTERNS - 1}}}$"  # words of several lengths, or equal ones, are invalid too


def words(pattern: str) -> list[str]:
    """Return the words of a pattern, each of W bits."""
    return pattern.split("+")


def width(pattern: str) -> int:
    """Return W, the number of values in a sample."""
    return len(pattern.partition("+")[0])
