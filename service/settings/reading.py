"""All settings in one value, and how it is read from the environment."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.errors import ServiceError
from service.settings.answers import Answers
from service.settings.backups import Backups
from service.settings.clients import Clients
from service.settings.databases import Databases
from service.settings.monitoring import Monitoring
from service.settings.pipeline import Pipeline
from service.settings.regions import Regions
from service.settings.setting import PREFIX, content, parse, shown


class InvalidSettings(ServiceError):
    """The environment cannot be used as it is; the message holds every reason."""


# The last comes first in tables.
@dataclass(frozen=True, kw_only=True, repr=False)
class Settings(Monitoring, Backups, Clients, Answers, Pipeline, Regions, Databases):
    """All settings; `repr` hides the secret ones."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)
        values = (f"{field.name}={shown(field, getattr(self, field.name))}" for field in fields)
        return f"Settings({', '.join(values)})"

    def contradictions(self) -> Iterator[str]:
        for group in (Databases, Regions, Pipeline, Answers, Clients, Backups, Monitoring):
            yield from group.contradictions(self)
        if self.request_deadline <= max(
            self.database_deadline, self.database_write_deadline, self.body_deadline
        ):
            yield (
                f"{PREFIX}REQUEST_DEADLINE must be longer than {PREFIX}DATABASE_DEADLINE, "
                f"{PREFIX}DATABASE_WRITE_DEADLINE and {PREFIX}BODY_DEADLINE"
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; raises `InvalidSettings` with every problem found."""
        problems: list[str] = []
        given: dict[str, Any] = {}
        for name in sorted(environment):
            if name.startswith(PREFIX) and name not in VARIABLES and name not in FILES:
                near = difflib.get_close_matches(name, [*VARIABLES, *FILES], 1)
                problems.append(
                    f"{name} is unknown" + (f": did you mean {near[0]}?" if near else "")
                )
        for variable, field in VARIABLES.items():
            also = field.metadata["also"]
            text = environment.get(variable) or (environment.get(also) if also else None)
            if path := environment.get(f"{variable}_FILE") if field.metadata["file"] else None:
                if text:
                    problems.append(f"{variable} and {variable}_FILE are both set: set one")
                    continue
                try:
                    text = content(path)
                except ValueError as error:
                    problems.append(f"{variable}_FILE names {path}, which {error}")
            if text:
                try:
                    given[field.name] = parse(TYPES[field.name], text, field.metadata["least"])
                except ValueError as error:
                    problems.append(f"{variable} must be {error}")
        settings = cls(**given)
        problems += settings.contradictions()
        if problems:
            raise InvalidSettings("settings: " + "; ".join(problems))
        return settings


VARIABLES: Final = {PREFIX + field.name.upper(): field for field in dataclasses.fields(Settings)}
# Variables that name a file with the value of a setting.
FILES: Final = {f"{name}_FILE" for name, field in VARIABLES.items() if field.metadata["file"]}
TYPES: Final = typing.get_type_hints(Settings)


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings, secrets among them."""
    given = ((name, getattr(settings, field.name)) for name, field in VARIABLES.items())
    found = {name: "" if value is None else str(value) for name, value in given}
    # What came from a file is given as it is.
    return found | dict.fromkeys(FILES, "")
