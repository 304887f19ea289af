"""Serves everything below a prefix, where a proxy has the service beside others."""

from litestar.types import ASGIApp, Receive, Scope, Send


def below(app: ASGIApp, root: str) -> ASGIApp:
    """The application below `root`, such as `/taktline`; "" means no prefix. A proxy may take the prefix away or leave
    it."""
    if not root:
        return app
    raw = root.encode()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == root or path.startswith(f"{root}/"):
            scope["path"] = path.removeprefix(root) or "/"
            scope["raw_path"] = scope["raw_path"].removeprefix(raw) or b"/"
        await app(scope, receive, send)

    return answer
