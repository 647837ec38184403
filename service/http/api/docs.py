"""`/docs`: the reference in a browser, all of it from this process."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from typing import Final

from service.http.fixed import Fixed
from service.http.reply import JSON, Header

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
POLICY: Final[Header] = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)


def _asset(path: str, media: str, name: str) -> Fixed:
    def read() -> bytes:
        vendor = importlib.resources.files("swagger_ui_bundle").joinpath("vendor")
        (release,) = vendor.iterdir()
        return release.joinpath(name).read_bytes()

    return Fixed(path, media, read, policy=POLICY)


FILES: Final = (
    Fixed("/docs", "text/html; charset=utf-8", PAGE.encode, policy=POLICY),
    Fixed("/docs/start.js", "text/javascript; charset=utf-8", START.encode, policy=POLICY),
    _asset("/docs/swagger-ui.js", "text/javascript; charset=utf-8", "swagger-ui-bundle.js"),
    _asset("/docs/swagger-ui.css", "text/css; charset=utf-8", "swagger-ui.css"),
    _asset("/docs/favicon.png", "image/png", "favicon-32x32.png"),
)


def description(body: Callable[[], bytes]) -> Fixed:
    """The OpenAPI document."""
    return Fixed("/openapi.json", JSON, body)
