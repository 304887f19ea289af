"""The description of `/chart` in the OpenAPI document: parameters, answers and headers."""

from litestar.openapi.spec import OpenAPIResponse

from service.charts.drawing.wording import AGGREGATES
from service.period.steps import STEPS
from service.routes.chart.chart_parameters import FORMATS, KNOWN
from service.routes.described_parameters import in_openapi
from service.routes.kept_from import KEPT_FROM
from service.routes.openapi_answers import PROBLEMS, READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import INSTANT, NUMBER_OR_NULL, TEXT, an_object, schema
from service.routes.sites_away import SITES_AWAY

_BUCKET = an_object(
    {
        "bucket": schema("string", format="date-time", description="Where the step begins."),
        "plan": NUMBER_OR_NULL,
        "fact": NUMBER_OR_NULL,
        "readings": schema("integer", minimum=0),
        "series": schema(["string", "null"], description="With `split=series`; null for the series put together."),
        "plan_total": schema("number", description="With `cumulative`: the plans up to the end of the step."),
        "fact_total": schema(["number", "null"], description="With `cumulative`; null where no minute is due."),
        "ahead": schema(["number", "null"], description="With `cumulative`: the facts less the plans that are due."),
    },
    optional=("series", "plan_total", "fact_total", "ahead"),
    title="Bucket",
)
_NOTE = an_object({"ts": INSTANT, "series": TEXT, "note": TEXT}, title="ChartNote")
_NUMBERS = an_object(
    {
        "from": INSTANT,
        "until": INSTANT,
        "step": schema("string", enum=list(STEPS)),
        "tz": schema("string", example="Europe/Berlin"),
        "agg": schema("string", enum=list(AGGREGATES)),
        "hours": schema("string", description="With `hours`: the hours that are kept.", example="06:00-22:00"),
        "days": schema("string", description="With `days`: the days that are kept.", example="mon-fri"),
        "plan": schema("string", description="With `plan`: what the plan is.", example="fact-7d"),
        "kept_from": schema(
            "string", format="date-time", description="What lies before is kept as minutes only; absent otherwise."
        ),
        "kept_as": schema(
            "string", enum=["quarter", "hour", "day"], description="Of the beginning, nothing finer is kept."
        ),
        "sites_away": schema(
            "array", items=TEXT, description="Sites that the numbers lack; absent where there are none."
        ),
        "notes": schema("array", items=_NOTE, description="What people noted, unless `notes=false`."),
        "others": schema("integer", minimum=0, description="With `split=series`: how many series were put together."),
        "buckets": schema("array", items=_BUCKET, description="The steps that have readings."),
    },
    optional=("kept_from", "kept_as", "sites_away", "notes", "others", "plan", "hours", "days"),
    title="Numbers",
)
_SCHEMAS = {"json": _NUMBERS, "csv": TEXT, "svg": TEXT, "html": TEXT, "vega": schema("object")}


_COMMON = {
    "ETag": "A strong tag of the numbers, of all that decides how they look, and of the code that draws them.",
    "Cache_Control": "Until the next step begins, 300 seconds at most; a day for fixed times an hour ago or more.",
    "Vary": "`Accept, Accept-Encoding`; of a picture, `Accept-Language` unless `lang` or `LANGUAGE` say the language.",
    "Content_Language": "The language of a picture.",
    **KEPT_FROM,
    **SITES_AWAY,
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


_PICTURES = {**PROBLEMS, "image/svg+xml": TEXT, "image/png": None}
ChartOperation = answering(
    {
        200: response(
            "The chart.",
            {media_type: _SCHEMAS.get(form) for form, media_type in FORMATS.items()},
            headers(
                **_COMMON,
                Content_Disposition="Of CSV and PDF: a name for the file.",
                Content_Encoding="`gzip`, for formats that are text, where the client takes it.",
            ),
        ),
        303: SIGN_IN,
        304: OpenAPIResponse(description="The chart that the client has is current.", headers=headers(**_COMMON)),
    },
    READING,
    _PICTURES,
    headers(**_FAILED),
    parameters=in_openapi(KNOWN),
)
"""`GET /chart` in the OpenAPI document."""
