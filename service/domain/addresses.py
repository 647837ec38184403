"""Which addresses are those of the public internet.

From IANA's special-purpose registries (RFC 6890) and, since a list of what is private is never
complete, what clouds answer with credentials of their machines.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_NOT_PUBLIC: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared, and the metadata of Alibaba Cloud
            "127.0.0.0/8",
            "168.63.129.16/32",  # the wire server of Azure
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocols, and the metadata of Oracle Cloud
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
# All that is public in IPv6 is in here; the rest of it is not, IPv4 in disguise included.
_GLOBAL_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4: IPv4 in disguise
            "3fff::/20",
        ),
    )
)


def is_public(text: str) -> bool:
    """Whether an IP address, in its numeric form, can be that of somebody else's server."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        return address in _GLOBAL_6 and not any(address in one for one in _NOT_PUBLIC_6)
    return not any(address in one for one in _NOT_PUBLIC)
