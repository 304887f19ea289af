"""Compression of answers that aren't streams, for clients that take gzip."""

from litestar.config.compression import CompressionConfig
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Receive, Scope, Send

from service.routes.edge.headers import header
from service.routes.parameters import takes_gzip


class Compression(CompressionMiddleware):
    """The framework's own looks only for the word, and so compresses for `gzip;q=0` as well."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = super().__call__ if takes_gzip(header(scope, b"accept-encoding") or "") else self.app
        await app(scope, receive, send)


def compression(exclude: list[str]) -> CompressionConfig:
    """The configuration; addresses that match a pattern in `exclude` compress by themselves, or not at all."""
    return CompressionConfig(backend="gzip", gzip_compress_level=5, middleware_class=Compression, exclude=exclude)
