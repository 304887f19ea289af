"""The description of `/chart` in the OpenAPI document: parameters, answers and headers."""

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import OpenAPIHeader, OpenAPIMediaType, OpenAPIResponse, Operation, Parameter, Schema

from service.charts.drawing.wording import AGGREGATES
from service.period.steps import STEPS
from service.problems import MEDIA_TYPE
from service.routes.chart.chart_parameters import FORMATS, KNOWN, schema
from service.routes.openapi_access import REFUSALS


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = (), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    return schema("object", properties=properties, required=required, **more)


_TEXT, _WHOLE = schema("string"), schema("integer", minimum=0)
_INSTANT = schema("string", format="date-time")
_VALUE = schema(["number", "null"])
_BUCKET = _object(
    {
        "bucket": schema("string", format="date-time", description="Where the step begins."),
        "plan": _VALUE,
        "fact": _VALUE,
        "readings": schema("integer", minimum=1),
        "series": schema(["string", "null"], description="With `split=series`; null for the series put together."),
    },
    optional=("series",),
    title="Bucket",
)
_NUMBERS = _object(
    {
        "from": _INSTANT,
        "until": _INSTANT,
        "step": schema("string", enum=list(STEPS)),
        "tz": schema("string", example="Europe/Berlin"),
        "agg": schema("string", enum=list(AGGREGATES)),
        "others": schema("integer", minimum=0, description="With `split=series`: how many series were put together."),
        "buckets": schema("array", items=_BUCKET, description="The steps that have readings."),
    },
    optional=("others",),
    title="Numbers",
)
_PROBLEM = _object(
    {
        "type": _TEXT,
        "title": _TEXT,
        "status": _WHOLE,
        "detail": _TEXT,
        "errors": schema("array", items=_object({"index": _WHOLE, "field": _TEXT, "detail": _TEXT})),
    },
    optional=("errors",),
    title="Problem",
    description="RFC 9457.",
)
_SCHEMAS = {"json": _NUMBERS, "csv": _TEXT, "svg": _TEXT, "html": _TEXT, "vega": schema("object")}


def _headers(**described: str) -> Any:
    """Text headers with their descriptions; `_` in a name stands for `-`."""
    return {
        name.replace("_", "-"): OpenAPIHeader(description=text, schema=_TEXT, required=False)
        for name, text in described.items()
    }


_COMMON = {
    "ETag": "A strong tag of the numbers, of all that decides how they look, and of the code that draws them.",
    "Cache_Control": "Until the next step begins, 300 seconds at most; a day for fixed times an hour ago or more.",
    "Vary": "`Accept, Accept-Encoding`.",
    "X_Data_Until": "Up to when there are readings; absent where there are none.",
    "Server_Timing": "Milliseconds: `db`, `render`, and where the picture came from, `cache`.",
    "X_Content_Type_Options": "`nosniff`.",
    "Content_Security_Policy": "Of an SVG: nothing is loaded, no script runs.",
}
_FAILED = {
    "Cache_Control": "`no-store`.",
    "X_Chart_Error": "Of a picture: what it says.",
    "X_Content_Type_Options": "Of a picture: `nosniff`.",
    "Content_Security_Policy": "Of a picture: nothing is loaded, no script runs.",
}


@dataclass
class ChartOperation(Operation):
    """`GET /chart` in the OpenAPI document."""

    def __post_init__(self) -> None:
        formats = {media_type: OpenAPIMediaType(schema=_SCHEMAS.get(form)) for form, media_type in FORMATS.items()}
        problem = {
            MEDIA_TYPE: OpenAPIMediaType(schema=_PROBLEM),
            "image/svg+xml": OpenAPIMediaType(schema=_TEXT),
            "image/png": OpenAPIMediaType(),
            "text/html": OpenAPIMediaType(schema=_TEXT),
        }
        shown = _headers(
            **_COMMON,
            Content_Disposition="Of CSV and PDF: a name for the file.",
            Content_Encoding="`gzip`, for formats that are text, where the client takes it.",
        )
        self.responses = {
            "200": OpenAPIResponse(description="The chart.", headers=shown, content=formats),
            "304": OpenAPIResponse(
                description="The chart that the client has is current.", headers=_headers(**_COMMON)
            ),
            "400": OpenAPIResponse(
                description="A parameter is wrong; the answer says which.", headers=_headers(**_FAILED), content=problem
            ),
            **{
                str(status): OpenAPIResponse(description=text, headers=_headers(**_FAILED), content=problem)
                for status, text in REFUSALS.items()
            },
            "503": OpenAPIResponse(
                description="It can't be read or drawn now; try again.",
                headers=_headers(**_FAILED, Retry_After="Seconds."),
                content=problem,
            ),
        }
        self.parameters = [
            Parameter(name=name, param_in="query", description=one.text, schema=one.described, required=False)
            for name, one in KNOWN.items()
        ]
