"""All admin pages, one flat list."""

from __future__ import annotations

from typing import Final

from service.http.admin import models, overview, rows, runs, session, tables
from service.http.admin.page import AdminPage

ADMIN: Final[tuple[AdminPage, ...]] = (
    *overview.PAGES,
    *session.PAGES,
    *tables.PAGES,
    *rows.PAGES,
    *runs.PAGES,
    *models.PAGES,
)
