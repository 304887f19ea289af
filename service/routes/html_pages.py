"""The HTML pages and the files that they load. By their Content-Security-Policy they load nothing from elsewhere, and
run no scripts but these files."""

from collections.abc import Awaitable, Callable
from typing import Any

import jinja2
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from markupsafe import Markup

from service.access.grants import Grant, Scope
from service.routes.authentication import needs
from service.routes.parameters import takes_gzip
from service.routes.senders import Connection
from service.routes.speaking import LANG, Speaking, speaking, speaking_anyhow
from service.routes.visible_series import patterns_of
from service.web.assets import Assets

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)
"""Who may frame a page is added to every answer."""
HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
Names = Callable[[tuple[str, ...] | None], Awaitable[list[str]]]
"""Returns the names of the series to choose from that match one of the patterns, or of all."""
FOR_EVER = "public, max-age=31536000, immutable"


class Pages:
    """Renders pages from the templates of a language; `zone` is the service's time zone, `root` the prefix of all
    addresses, `language` the setting, `warning` returns what every page warns of, if anything, and `has_keys` whether
    signing in makes sense. With `at_sites`, records, corrections and notes are elsewhere, at the sites of a view."""

    def __init__(
        self,
        templates: Callable[[str], jinja2.Environment],
        assets: Assets,
        names: Names,
        zone: str,
        root: str,
        language: str,
        warning: Callable[[], str],
        has_keys: Callable[[], bool],
        *,
        at_sites: bool = False,
    ) -> None:
        self._templates, self._assets, self._names, self._zone, self._root = templates, assets, names, zone, root
        self._language, self._warning, self._has_keys, self._at_sites = language, warning, has_keys, at_sites

    def at(self, path: str) -> str:
        """The address of a path, for links, forms and redirects."""
        return f"{self._root}{path}"

    def speaking(self, request: Connection) -> Speaking:
        """The language of a page; BadRequest where the address asks for one that there isn't."""
        return speaking(request, self._language)

    def speaking_anyhow(self, request: Connection) -> Speaking:
        """The same, where a wrong one is answered as if none had been asked for."""
        return speaking_anyhow(request, self._language)

    def may_note(self, grant: Grant) -> bool:
        """Whether notes can be written on a page."""
        return grant.may(Scope.WRITE) and not self._at_sites

    def render(
        self,
        name: str,
        values: dict[str, object],
        speaks: Speaking,
        headers: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response[Any]:
        """Render the template `name` with these values. Its links and forms keep a language that was asked for."""
        always = {
            "asset": self._asset,
            "at": self.at,
            "to": lambda path: self.at(speaks.keep(path)),
            "lang_field": Markup('<input type="hidden" name="{}" value="{}">').format(LANG, speaks.code)
            if speaks.is_asked
            else "",
            "warning": self._warning(),
            "has_keys": self._has_keys(),
            "at_sites": self._at_sites,
        }
        text = self._templates(speaks.code).get_template(name).render(**always, **values)
        told = {"Vary": speaks.varying("Accept"), "Content-Language": speaks.code}
        told |= {**HEADERS, **(headers or {})}
        return Response(text, status_code=status, media_type=MediaType.HTML, headers=told)

    def _asset(self, name: str) -> str:
        return self.at(self._assets.address(name))

    async def form(
        self,
        name: str,
        values: dict[str, object],
        speaks: Speaking,
        grant: Grant,
        headers: dict[str, str],
        status: int = 200,
    ) -> Response[Any]:
        """Render a page with a form, in which the series that are granted can be chosen. The values `faults` and
        `notice` say what was wrong in the form."""
        always = {
            "names": await self._names(patterns_of(grant)),
            "zone_of_service": self._zone,
            "faults": {},
            "notice": "",
        }
        return self.render(name, {**always, **values}, speaks, headers, status)


def asset_routes(assets: Assets) -> list[HTTPRouteHandler]:
    @get("/assets/{name:str}", include_in_schema=False, opt=needs())
    async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """A file of the pages; under a name that holds a hash of its content, it may be kept for ever."""
        return await _file(request, assets, name)

    @get("/favicon.ico", include_in_schema=False, opt=needs())
    async def favicon(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The icon, at the address where browsers look for it when what they show isn't one of our pages."""
        return await _file(request, assets, "favicon.ico")

    return [asset, favicon]


async def _file(request: Request[Any, Any, Any], assets: Assets, name: str) -> Response[bytes]:
    found = await assets.read(name)
    if found is None:
        raise NotFoundException
    headers = {
        "Cache-Control": FOR_EVER if assets.is_marked(name) else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if not takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(found.body, media_type=found.media_type, headers=headers)
    return Response(found.packed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
