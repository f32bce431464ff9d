"""Picking a word from the known ones, with a helpful sentence when it is none of them."""

from collections.abc import Iterable
from difflib import get_close_matches

from m2f.errors import InputError


def choose(word: str, known: Iterable[str], kind: str) -> str:
    """The known word that ``word`` spells, upper or lower case.

    Raises:
        InputError: it spells none; the sentence names the nearest and all of them.
    """
    by_lower_case = {name.lower(): name for name in known}
    if word.lower() in by_lower_case:
        return by_lower_case[word.lower()]
    raise InputError(
        f"Unknown {kind} '{word}'{did_you_mean(word, by_lower_case.values())}; "
        f"known: {', '.join(by_lower_case.values())}."
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``: did you mean '...'?`` for a near match, otherwise nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
