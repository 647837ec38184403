"""Where backups go, how often, for how long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.settings.setting import PREFIX, Group, setting


@dataclass(frozen=True, kw_only=True, repr=False)
class Backups(Group):
    """Where backups go, how often, for how long."""

    backup_to: str | None = setting(
        None,
        "Where backups go: a folder, or `s3://BUCKET/PREFIX`. Set, the primary makes them itself.",
    )
    backup_hours: float = setting(
        24.0, "Hours between two backups that the service makes.", least=0.001
    )
    backup_days: float = setting(30.0, "Days that backups are kept.", least=0.001)
    pg_dump: str | None = setting(
        None, "Program whose dump of a Postgres comes along in each backup: `pg_dump`, or its path."
    )
    litestream_socket: str | None = setting(
        None,
        "Socket at which Litestream tells how far it has come. `serve --with-backup` makes one.",
    )
    backup_s3_endpoint: str | None = setting(
        None, "URL of a server that speaks S3, where it is not Amazon's."
    )
    backup_s3_region: str = setting("us-east-1", "Region of the bucket.")
    backup_s3_key_id: str | None = setting(None, "Key for the bucket.", also="AWS_ACCESS_KEY_ID")
    backup_s3_secret: str | None = setting(
        None, "The secret of that key.", secret=True, also="AWS_SECRET_ACCESS_KEY"
    )

    def contradictions(self) -> Iterator[str]:
        to = self.backup_to or ""
        if re.match(r"(?!file:|s3://)[A-Za-z0-9+.-]+:", to):
            yield f"{PREFIX}BACKUP_TO must be a folder or s3://BUCKET/PREFIX"
        if to.startswith("s3://"):
            if not urlsplit(to).netloc:
                yield f"{PREFIX}BACKUP_TO names no bucket: write s3://BUCKET/PREFIX"
            if not (self.backup_s3_key_id and self.backup_s3_secret):
                yield (
                    f"{PREFIX}BACKUP_TO is a bucket, and {PREFIX}BACKUP_S3_KEY_ID or "
                    f"{PREFIX}BACKUP_S3_SECRET is not set"
                )
