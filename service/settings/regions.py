"""Where this process runs, where writes go, and the libSQL server of `aicompare node`."""

from __future__ import annotations

from dataclasses import dataclass

from service.settings.setting import Group, setting


@dataclass(frozen=True, kw_only=True, repr=False)
class Regions(Group):
    """Where this process runs, where writes go, and the libSQL server of `aicompare node`."""

    region: str | None = setting(
        None, "Name of the region this process runs in.", also="FLY_REGION"
    )
    primary_region: str | None = setting(
        None, "Name of the region that writes.", also="PRIMARY_REGION"
    )
    primary_url: str | None = setting(
        None, "Public URL of the service that writes, for sending writes on to it."
    )
    fly_app: str | None = setting(
        None, "Name of the app on Fly, whose proxy replays writes elsewhere.", also="FLY_APP_NAME"
    )
    libsql_server: str = setting(
        "sqld", "Program of the libSQL server that `aicompare node` runs beside the service."
    )
    libsql_folder: str = setting("libsql", "Folder in which that server keeps its data.")
    libsql_key_file: str | None = setting(
        None,
        "File with the public key of the tokens that it accepts; without one it asks for none.",
    )
    libsql_grpc_listen: str | None = setting(
        None,
        "`HOST:PORT` at which the primary's is followed: a private address, or any with TLS.",
    )
    libsql_primary_url: str | None = setting(
        None, "URL at which a replica follows the primary's: `http://HOST:PORT`, https with TLS."
    )
    libsql_tls_folder: str | None = setting(
        None,
        "Folder with `ca.pem`, `cert.pem` (for the name `sqld`) and `key.pem`: mutual TLS between "
        "primary and replicas.",
    )

    @property
    def in_primary_region(self) -> bool:
        """Whether writes are made here; so it is where no region has a name."""
        return self.primary_region in (None, self.region)
