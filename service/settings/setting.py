"""One setting: its type, default and help; how it is read, and what of it is shown."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

PREFIX: Final = "AICOMPARE_"
# A password in a URL: before its host, or as a parameter.
PASSWORD: Final = re.compile(r"(?<=:)(?<!:/)[^/@:?]+(?=@)|(?i:(?<=token=)|(?<=password=))[^&]+")


def setting(
    default: Any,
    help: str,
    *,
    secret: bool = False,
    file: bool = False,
    also: str | None = None,
    least: float | None = None,
) -> Any:
    """A setting: `also` is the platform's own variable for it, `least` its smallest value.

    A secret one may come from a file as well, which `AICOMPARE_<NAME>_FILE` names.
    """
    metadata = {
        "help": help,
        "secret": secret,
        "file": file or secret,
        "also": also,
        "least": least,
    }
    return dataclasses.field(default=default, metadata=metadata)


class Group:
    """Settings that belong together."""

    def contradictions(self) -> Iterator[str]:
        """What is wrong with values that are right each by itself."""
        return iter(())


def content(path: str) -> str:
    """The text of a file, without the end of its line. Raises ValueError with what is wrong."""
    try:
        text = Path(path).read_text().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    return text


def parse(kind: Any, text: str, least: float | None) -> Any:
    """The value of a variable; raises ValueError with what it has to be."""
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    if kind is str:
        if text != text.strip() or not text.isprintable():
            raise ValueError("text without spaces around it or control characters")
        return text
    if typing.get_origin(kind) is Literal:
        if text not in (choices := typing.get_args(kind)):
            raise ValueError(f"one of {', '.join(choices)}, not {text!r}")
        return text
    wanted = "a whole number" if kind is int else "a number"
    if least is not None:
        wanted += f" of {least} or more"
    pattern = r"[0-9]{1,12}" if kind is int else r"[0-9]{1,12}(\.[0-9]{1,9})?"
    if not re.fullmatch(pattern, text) or (least is not None and kind(text) < least):
        raise ValueError(f"{wanted}, not {text!r}")
    return kind(text)


def type_name(kind: Any) -> str:
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    return {str: "text", int: "whole number", float: "number"}[kind]


def shown(field: dataclasses.Field[Any], value: Any) -> str:
    """A value as it may be shown."""
    if field.metadata["secret"] and value:
        return "***"
    return repr(PASSWORD.sub("***", value) if isinstance(value, str) else value)
