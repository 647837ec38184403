"""`/docs`: the reference in a browser, all of it from this process."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.http.reply import JSON, Headers, Keep, Reply, reply

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AICompare API</title>
<link rel="icon" type="image/png" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="docs"></main>
<noscript>This needs JavaScript; in JSON it is <a href="/openapi.json">here</a>.</noscript>
<script src="/docs/swagger-ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# `validatorUrl: null` keeps the page from asking a public validator about this service.
START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
"""
POLICY: Final[Headers] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


@dataclass(frozen=True, slots=True)
class Page:
    """A fixed page or asset at a path; `body` is called once, when it is first asked for."""

    path: str
    media: str
    body: Callable[[], bytes]
    keep: Keep = "fixed"

    def reply(self) -> Reply:
        return reply(self.body(), self.media, self.keep, extra=POLICY)


def _asset(path: str, media: str, name: str) -> Page:
    def read() -> bytes:
        vendor = importlib.resources.files("swagger_ui_bundle").joinpath("vendor")
        (release,) = vendor.iterdir()
        return release.joinpath(name).read_bytes()

    return Page(path, media, read)


PAGES: Final = (
    Page("/docs", "text/html; charset=utf-8", PAGE.encode),
    Page("/docs/start.js", "text/javascript; charset=utf-8", START.encode),
    _asset("/docs/swagger-ui.js", "text/javascript; charset=utf-8", "swagger-ui-bundle.js"),
    _asset("/docs/swagger-ui.css", "text/css; charset=utf-8", "swagger-ui.css"),
    _asset("/docs/favicon.png", "image/png", "favicon-32x32.png"),
)


def description(body: Callable[[], bytes]) -> Page:
    """The page of the OpenAPI document."""
    return Page("/openapi.json", JSON, body)
