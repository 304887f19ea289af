"""The page of `/schema`: Swagger UI, from files of our own."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import mkdocs_swagger_ui_tag
from litestar import Request, Router
from litestar.file_system import BaseLocalFileSystem
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.types import PathType
from litestar.types.file_types import FileInfo

FILES = Path(mkdocs_swagger_ui_tag.__file__).with_name("swagger-ui")
"""The files of Swagger UI, which this Python package contains."""
ADDRESS = "/assets/swagger"
_SCRIPT = re.compile(rb"<script type='text/javascript'>(.*?)</script>", re.DOTALL)


class ApiPage(SwaggerRenderPlugin):
    """Swagger UI with a content security policy: it runs its own scripts, and asks this service alone."""

    def __init__(self, root: str) -> None:
        at = f"{root}{ADDRESS}"
        super().__init__(
            js_url=f"{at}/javascripts/swagger-ui-bundle.js",
            css_url=f"{at}/stylesheets/swagger-ui.css",
            standalone_preset_js_url=f"{at}/javascripts/swagger-ui-standalone-preset.js",
            favicon=f'<link rel="icon" href="{root}/assets/icon.svg">',
        )

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        page = super().render(request, openapi_schema)
        hashes = " ".join(f"'sha256-{_digest(script)}'" for script in _SCRIPT.findall(page))
        policy = (
            f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'"
        )
        meta = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
        return page.replace(b"<head>", meta.encode(), 1)

    def receive_router(self, router: Router) -> None:
        """Without the page that OAuth would come back to."""


class OurFiles(BaseLocalFileSystem):
    """The file system of these files, in which a name that can't be one is merely not there."""

    async def info(self, path: PathType, **kwargs: Any) -> FileInfo:
        """What is known of a file. Raises FileNotFoundError where there is none."""
        try:
            return await super().info(path, **kwargs)
        except (OSError, ValueError) as exc:  # the name is too long, goes on below a file, or contains NUL
            raise FileNotFoundError from exc


def _digest(script: bytes) -> str:
    return base64.b64encode(hashlib.sha256(script).digest()).decode()
