"""How the settings say to connect to the databases."""

from __future__ import annotations

from dataclasses import replace

from service.settings import Settings
from service.storage.database import DatabaseOptions


def reader_options(settings: Settings) -> DatabaseOptions:
    """How to connect for reading."""
    return DatabaseOptions(
        token=settings.database_token,
        read_only=True,
        deadline=settings.database_deadline,
        pool_size=settings.database_pool_size,
    )


def primary_options(settings: Settings) -> DatabaseOptions:
    """How to connect for asking the primary."""
    return replace(reader_options(settings), token=settings.primary_database_token)


def writer_options(settings: Settings) -> DatabaseOptions:
    """How to connect for writing; large batches may take their time."""
    return replace(
        reader_options(settings),
        token=settings.writer_token,
        read_only=False,
        deadline=settings.database_write_deadline,
    )
