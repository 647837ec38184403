"""How many requests a client may make: decided before any work, in memory that is bounded.

A client is the address that the request came from. What a header says of it counts only where the
request came through a proxy that is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from service.http.asgi import Scope
from service.http.elsewhere import SAFE
from service.metrics import Registry
from service.settings import Network, Settings, networks

# Clients that a limit remembers; of more than that, those that have used least are forgotten.
_CLIENTS: Final = 20_000
_EXEMPT: Final = frozenset({"/health/live", "/health/ready"})
# An address in a header is no longer than this.
_LONGEST: Final = 64


class Rate:
    """So many requests a second for each client, after so many seconds' worth of them at once.

    One number per client: when it will have used up nothing again (GCRA).
    """

    def __init__(self, per_second: float, burst_seconds: float) -> None:
        self._interval = 1 / per_second
        # A burst has one request at least.
        self._tolerance = max(0.0, burst_seconds - self._interval)
        self._due: dict[str, float] = {}

    def wait(self, client: str, now: float) -> float:
        """Seconds until the client may ask again; 0 where it may now."""
        return max(0.0, self._due.get(client, 0.0) - self._tolerance - now)

    def use(self, client: str, now: float) -> None:
        """Count a request."""
        due = self._due
        due[client] = max(due.get(client, 0.0), now) + self._interval
        if len(due) > _CLIENTS:
            self._forget(now)

    def _forget(self, now: float) -> None:
        kept = sorted((moment, client) for client, moment in self._due.items() if moment > now)
        self._due = {client: moment for moment, client in kept[-_CLIENTS // 2 :]}


class Clients:
    """Who sends requests."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = networks(settings.trusted_proxies)
        self._header = settings.client_address_header.encode()

    def find(self, scope: Scope, given: Mapping[bytes, bytes]) -> str:
        """What a client is known by; empty where its address is none."""
        peer = scope["client"][0] if scope.get("client") else ""
        if self._proxies and (said := given.get(self._header)) and within(peer, self._proxies):
            # From the right: what is left of the first address that is not ours, anyone may write.
            for one in reversed(said.decode("latin-1").split(",")):
                address = one.strip()
                if not within(address, self._proxies):
                    return client_of(address) or client_of(peer)
        return client_of(peer)


class Limits:
    """The limits of one process: for reads, for writes, and for tokens that were refused."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        def rate(per_second: float) -> Rate | None:
            return Rate(per_second, settings.rate_limit_burst_seconds) if per_second else None

        self._reads = rate(settings.rate_limit_reads)
        self._writes = rate(settings.rate_limit_writes)
        self._failures = rate(settings.rate_limit_failures)
        self._clients = Clients(settings)
        self._refused = registry.counter(
            "aicompare_rate_limited_total", "Requests refused since their client had made enough.",
            "kind",
        )  # fmt: skip
        for kind in ("reads", "writes", "failures"):
            self._refused.of(kind)

    def wait(self, scope: Scope, given: Mapping[bytes, bytes], now: float) -> float:
        """Seconds until this client may make such a request; 0 where it may now, and counts."""
        kind, rate = ("reads", self._reads) if scope["method"] in SAFE else ("writes", self._writes)
        doubtful = self._failures is not None and b"authorization" in given
        if (rate is None and not doubtful) or scope["path"] in _EXEMPT:
            return 0.0
        client = self._clients.find(scope, given)
        if doubtful:
            assert self._failures is not None
            if seconds := self._failures.wait(client, now):
                self._refused.add("failures")
                return seconds
        if rate is not None:
            if seconds := rate.wait(client, now):
                self._refused.add(kind)
                return seconds
            rate.use(client, now)
        return 0.0

    def failed(self, scope: Scope, given: Mapping[bytes, bytes], now: float) -> None:
        """A token was refused."""
        if self._failures is not None and b"authorization" in given:
            self._failures.use(self._clients.find(scope, given), now)


@lru_cache(maxsize=4096)
def within(host: str, trusted: tuple[Network, ...]) -> bool:
    """Whether an address is of one of these networks."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in trusted)


@lru_cache(maxsize=4096)
def client_of(host: str) -> str:
    """Who an address stands for; empty where it is none.

    With IPv6 that is the network of 64 bits, of which one client has all addresses.
    """
    if len(host) > _LONGEST:
        return ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
