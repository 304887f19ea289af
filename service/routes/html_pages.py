"""Pages for people, with a policy that lets nothing be loaded from elsewhere and nothing run that isn't a file of ours,
and the files beside them."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.routes.context import Context

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept",
}
FOR_EVER = "public, max-age=31536000, immutable"


def page(
    context: Context, name: str, values: dict[str, object], headers: dict[str, str] | None = None, status: int = 200
) -> Response[Any]:
    """The template `name` with these values."""
    text = context.templates.get_template(name).render(asset=context.assets.address, **values)
    return Response(text, status_code=status, media_type=MediaType.HTML, headers={**HEADERS, **(headers or {})})


@get("/assets/{name:str}", include_in_schema=False)
async def asset(
    request: Request[Any, Any, Any], context: NamedDependency[Context], name: FromPath[str]
) -> Response[bytes]:
    """A file of the pages; under a name that holds a hash of its content, it may be kept for ever."""
    return await _file(request, context, name)


@get("/favicon.ico", include_in_schema=False)
async def favicon(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Response[bytes]:
    """The icon where browsers look that have seen no page: beside a picture, the JSON or the API's page."""
    return await _file(request, context, "favicon.ico")


async def _file(request: Request[Any, Any, Any], context: Context, name: str) -> Response[bytes]:
    found = await context.assets.read(name)
    if found is None:
        raise NotFoundException
    headers = {
        "Cache-Control": FOR_EVER if context.assets.is_marked(name) else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.body, media_type=found.media_type, headers=headers)
    return Response(found.packed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
