"""Scripts and styles: the project's own, and those of packages, under URLs that name the bytes.

Such a URL is good for ever: other bytes are another URL. The URL of other bytes, from a page that
an earlier release made, leads to those that are there.
"""

from __future__ import annotations

import functools
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from litestar.exceptions import NotFoundException

from service.http.encoding import WORTH_IT, Encoding, negotiate
from service.http.front import encoded
from service.http.reply import Reply, reply

# By the name that pages know: the package, which is looked into and not imported, and the file.
_PACKAGED: Final = {
    "htmx.js": ("js_lib_htmx", "static/htmx/htmx.min.js"),
    "uplot.js": ("youplot", "vendor/uplot.iife.min.js"),
    "uplot.css": ("youplot", "vendor/uplot.min.css"),
}
_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file that pages load."""

    media: str
    body: bytes
    digest: str


def url(name: str) -> str:
    """Where a page finds an asset."""
    asset = find(name)
    assert asset is not None, f"no asset {name}"
    return f"/assets/{asset.digest}/{name}"


@functools.cache
def find(name: str) -> Asset | None:
    """The asset of a name, read once."""
    path = _paths().get(name)
    if path is None:
        return None
    body = path.read_bytes()
    return Asset(_MEDIA[path.suffix], body, blake2b(body, digest_size=6).hexdigest())


def reply_to(path: str, accept_encoding: bytes) -> Reply:
    """The asset at `DIGEST/NAME`, in the encoding that the client likes best."""
    digest, _, name = path.rpartition("/")
    if name not in _paths():
        raise NotFoundException
    return _reply(name, digest, negotiate(accept_encoding))


@functools.lru_cache(maxsize=256)
def _reply(name: str, digest: str, encoding: Encoding) -> Reply:
    asset = find(name)
    assert asset is not None
    kept = reply(asset.body, asset.media, "immutable" if digest == asset.digest else "live")
    if len(asset.body) < WORTH_IT:
        encoding = "identity"
    sent = encoded(kept, encoding)
    return Reply(200, sent.headers, sent.body)


@functools.cache
def _paths() -> dict[str, Path]:
    folders = Path(__file__).parent.parent.glob("*/static")
    paths = {path.name: path for folder in folders for path in folder.glob("*.*")}
    for name, (package, file) in _PACKAGED.items():
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        paths[name] = Path(spec.submodule_search_locations[0], file)
    return {name: path for name, path in paths.items() if path.suffix in _MEDIA}
