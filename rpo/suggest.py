"""Messages that repeat what the user typed and say what would have worked."""

from collections.abc import Iterable
from difflib import get_close_matches

MANY = 30


def span(least: int, most: int) -> str:
    """Two numbers, or one if they are the same."""
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def unknown(kind: str, typed: str, choices: Iterable[str]) -> str:
    """One sentence for a mistyped name: what was typed, the nearest choice, the choices.

    Of more than MANY choices only the nearest are listed.
    """
    by_lower = {choice.lower(): choice for choice in sorted(choices)}

    def like(cutoff: float) -> list[str]:
        return [by_lower[name] for name in get_close_matches(typed.lower(), by_lower, 8, cutoff)]

    nearest = like(0.6)
    listed = list(by_lower.values()) if len(by_lower) <= MANY else [*(nearest or like(0)), "..."]
    hint = f' Did you mean "{nearest[0]}"?' if nearest else ""
    return f'there is no {kind} "{typed}".{hint} Choices: {", ".join(listed)}'
