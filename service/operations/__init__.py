"""Kept safe: whole databases out and in again, backups."""
