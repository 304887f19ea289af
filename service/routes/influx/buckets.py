"""Answers what scripts ask an InfluxDB 2 before they write: whether there is the bucket, and the organisation for it.

As for version 1, there is just the bucket that the request names, with nothing in it, and creating it is done at once.
The shapes are those of https://docs.influxdata.com/influxdb/v2/api/.
"""

import hashlib
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.grants import Scope
from service.errors import BadRequest
from service.metrics import Metrics
from service.routes.authentication import needs
from service.routes.influx.answers import HEADERS, handlers

MAX_NAME = 200
"""The most characters in a name."""
MAX_BODY = 64 * 1024
"""The most bytes of a new bucket, which may have a description, labels and rules beside its name."""
SINCE = "1970-01-01T00:00:00Z"
"""When everything was created."""
ADDRESS = "/api/v2/buckets"
ASKING = needs(Scope.READ, Scope.WRITE)
"""Whoever may write or read with a token is told of what is always there."""

_Bucket = Annotated[str | None, QueryParameter(name="name", description="The bucket that is looked for.")]
_Org = Annotated[str | None, QueryParameter(description="The organisation's name.")]
_OrgId = Annotated[str | None, QueryParameter(name="orgID", description="The organisation's id.")]


class NewBucket(msgspec.Struct):
    """The part of a bucket to be created that is answered."""

    name: str
    orgID: str | None = None  # noqa: N815


def bucket_routes(metrics: Metrics, max_body: int) -> list[HTTPRouteHandler]:
    """The routes, which answer errors as version 2 does."""
    limit = min(max_body, MAX_BODY)
    refusing = handlers(2, metrics, limit)

    @get(ADDRESS, response_headers=HEADERS, exception_handlers=refusing, include_in_schema=False, opt=ASKING)
    async def buckets(name: _Bucket = None, org: _Org = None, org_id: _OrgId = None) -> dict[str, Any]:
        """The bucket that is named, and no other."""
        found = [_bucket(_checked(name), org_id or _id(org or ""))] if name else []
        return {"links": {"self": ADDRESS}, "buckets": found}

    @post(
        ADDRESS,
        status_code=201,
        response_headers=HEADERS,
        exception_handlers=refusing,
        request_max_body_size=limit,
        include_in_schema=False,
        opt=ASKING,
    )
    async def create(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Says that the bucket has been created, as it needs none."""
        try:
            new = msgspec.json.decode(await request.body(), type=NewBucket)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise BadRequest(f"the body isn't a bucket: {exc}") from exc
        return _bucket(_checked(new.name), new.orgID or _id(""))

    @get("/api/v2/orgs", response_headers=HEADERS, exception_handlers=refusing, include_in_schema=False, opt=ASKING)
    async def orgs(org: _Org = None, org_id: _OrgId = None) -> dict[str, Any]:
        """The organisation that is named, or one without a name of its own."""
        name = _checked(org or "taktline")
        found = {"id": org_id or _id(org or ""), "name": name, "createdAt": SINCE, "updatedAt": SINCE}
        return {"links": {"self": "/api/v2/orgs"}, "orgs": [found]}

    return [buckets, create, orgs]


def _bucket(name: str, org: str) -> dict[str, Any]:
    return {
        "id": _id(f"bucket {name}"),
        "orgID": org,
        "type": "user",
        "name": name,
        "retentionRules": [],  # which means that nothing expires
        "createdAt": SINCE,
        "updatedAt": SINCE,
        "labels": [],
        "links": {"self": ADDRESS, "write": "/api/v2/write"},
    }


def _id(name: str) -> str:
    """An id in InfluxDB's form, always the same for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _checked(name: str) -> str:
    if len(name) > MAX_NAME:
        raise BadRequest(f"a name has at most {MAX_NAME} characters")
    return name
