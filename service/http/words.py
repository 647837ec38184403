"""How messages speak of what a client sent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Words for a name that nothing has, with the nearest of those that exist."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, 3, 0.6):
        return f"unknown {what} {quoted(name)}: did you mean {' or '.join(near)}?"
    if not names:
        return f"unknown {what} {quoted(name)}: there are none here"
    return f"unknown {what} {quoted(name)}: known are {', '.join(names)}"


def quoted(text: str) -> str:
    """A client's own text as a message repeats it: short, and nothing in it that is not visible."""
    return ascii(text if len(text) <= 60 else text[:57] + "...") if text else "''"


def plain(text: str) -> str:
    """The same without quotation marks, for what is not text."""
    return quoted(text)[1:-1]


def nearest(text: str, choices: Iterable[str]) -> str:
    """The rest of a message about a word that is not among the choices."""
    near = difflib.get_close_matches(text, choices, 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""
