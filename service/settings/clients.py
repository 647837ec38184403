"""What a client may ask for, and who it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from service.settings.setting import PREFIX, Group, setting

ClientHeader = Literal["x-forwarded-for", "fly-client-ip"]
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True, repr=False)
class Clients(Group):
    """What a client may ask for, and who it is."""

    rate_limit_reads: float = setting(
        0.0, "Reads a second that a process takes of one client; 0 for any number.", least=0
    )
    rate_limit_writes: float = setting(
        0.0, "Writes a second that a process takes of one client; 0 for any number.", least=0
    )
    rate_limit_failures: float = setting(
        5.0,
        "Refused tokens a second until a process takes no more of one client; 0 for any number.",
        least=0,
    )
    rate_limit_burst_seconds: float = setting(
        10.0, "Seconds' worth of its limits that a client may use up at once.", least=0
    )
    trusted_proxies: str | None = setting(
        None,
        "Addresses and networks, with commas, of proxies that may say who the client is; "
        "of others the client is who connects.",
    )
    client_address_header: ClientHeader = setting(  # noqa: RUF009
        "x-forwarded-for", "Header in which a trusted proxy says who the client is."
    )
    request_deadline: float = setting(120.0, "Seconds until an answer must have begun.", least=0.01)
    body_deadline: float = setting(
        30.0, "Seconds in which the body of a request must arrive.", least=0.01
    )
    max_headers: int = setting(64, "Headers that a request may have.", least=16)
    max_header_bytes: int = setting(
        16_384, "Bytes that the headers of a request may have.", least=1024
    )
    max_query_bytes: int = setting(8192, "Longest query string that is read.", least=256)
    max_body_bytes: int = setting(8_388_608, "Largest request body that is read.", least=1024)

    def contradictions(self) -> Iterator[str]:
        try:
            networks(self.trusted_proxies)
        except ValueError as error:
            yield f"{PREFIX}TRUSTED_PROXIES must be addresses and networks with commas: {error}"
        if self.client_address_header != "x-forwarded-for" and not self.trusted_proxies:
            yield f"{PREFIX}CLIENT_ADDRESS_HEADER is set without {PREFIX}TRUSTED_PROXIES"


def networks(text: str | None) -> tuple[Network, ...]:
    """Addresses and networks with commas between them. Raises ValueError for what is none."""
    return tuple(ip_network(one.strip()) for one in text.split(",")) if text else ()
