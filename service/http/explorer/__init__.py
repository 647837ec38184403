"""The explorer: the catalogue for people's eyes, and the demo of the API."""

from typing import Final

from service.http.explorer.compare import COMPARE
from service.http.explorer.frontier import FRONTIER
from service.http.explorer.model import MODEL
from service.http.explorer.models import MODELS
from service.http.explorer.providers import PROVIDERS
from service.http.pages.page import Page

PAGES: Final[tuple[Page, ...]] = (MODELS, MODEL, COMPARE, FRONTIER, PROVIDERS)
