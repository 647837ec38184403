"""Settings: one frozen value from the environment, read once at the start and passed in.

Each setting is the variable `AICOMPARE_<NAME>`; an empty one counts as not set. Whatever is wrong
with the environment is told at once, in one message. A new setting goes into the file of its group.
"""

from service.settings.clients import Network, networks
from service.settings.reading import VARIABLES, InvalidSettings, Settings, environment
from service.settings.setting import PREFIX
from service.settings.shown import describe, markdown, secrets_of

__all__ = (
    "PREFIX",
    "VARIABLES",
    "InvalidSettings",
    "Network",
    "Settings",
    "describe",
    "environment",
    "markdown",
    "networks",
    "secrets_of",
)
