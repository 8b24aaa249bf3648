"""Messages that repeat what the user typed and say what would have worked."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, typed: str, choices: Iterable[str]) -> str:
    """One sentence for a mistyped name: what was typed, the nearest choice, all choices."""
    choices = sorted(choices)
    by_lower = {choice.lower(): choice for choice in choices}
    nearest = get_close_matches(typed.lower(), by_lower, n=1)
    hint = f' Did you mean "{by_lower[nearest[0]]}"?' if nearest else ""
    return f'there is no {kind} "{typed}".{hint} Choices: {", ".join(choices)}'
