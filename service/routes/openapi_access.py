"""What the OpenAPI document says of keys: how they are sent, and for each operation which scope it needs. It follows
from what the routes themselves say, in `opt=needs(…)`. And each operation in a sentence, the first of what its function
says of itself."""

from inspect import cleandoc

from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from service.routes.authentication import needed_by

SCHEMES = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="A key of `taktline keys add`. Its scopes are `read`, `write`, `correct` (with `write`) and "
            "`admin` (with all of them). Clients of InfluxDB send `Token` in place of `Bearer`.",
        ),
        "basic": SecurityScheme(type="http", scheme="basic", description="The key as the password; any user, or none."),
    }
)


class AccessDescriptions(ReceiveRoutePlugin):
    """Describes what each operation needs, as routes are added to the application."""

    def receive_route(self, route: BaseRoute) -> None:
        """Describe the operations of one address."""
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            if not handler.include_in_schema:
                continue
            scopes = [scope.value for scope in needed_by(handler)]
            needed = f"Needs a key with the scope `{'` or `'.join(scopes)}`." if scopes else "Needs no key."
            told = cleandoc(handler.fn.__doc__ or "")
            # beside the address, where only the name of the function would be otherwise
            handler.summary = told.split("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")
            handler.description = f"{told}\n\n{needed}"
            if scopes:
                handler.security = [{"bearer": scopes}, {"basic": scopes}]
