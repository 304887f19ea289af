"""The description of `/board` in the OpenAPI document."""

from service.board.board_period import STEPS
from service.board.tables import COLUMNS, STANDING
from service.routes.board_parameters import KNOWN
from service.routes.described_parameters import in_openapi
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import INSTANT, NUMBER_OR_NULL, TEXT, an_object, schema
from service.routes.sites_away import SITES_AWAY

_NOTE = an_object({"ts": INSTANT, "series": TEXT, "note": TEXT}, title="Note")
_ROW = an_object(
    {
        "from": INSTANT,
        "until": INSTANT,
        **dict.fromkeys(COLUMNS, NUMBER_OR_NULL),
        "notes": schema("array", items=_NOTE),
    },
    title="BoardRow",
)
_STANDING = {
    **dict.fromkeys(STANDING, NUMBER_OR_NULL),
    "newest_fact": schema(
        ["string", "null"], format="date-time", description="The end of the minute of the newest fact."
    ),
    "rows": schema("array", items=_ROW),
}
_SECTION = an_object(
    {"series": schema(["string", "null"]), "others": schema(["integer", "null"]), **_STANDING}, title="BoardSection"
)
_BOARD = an_object(
    {
        "from": INSTANT,
        "until": INSTANT,
        "step": schema("string", enum=list(STEPS)),
        "tz": schema("string", example="Europe/Berlin"),
        "due_until": INSTANT,
        "sites_away": schema(
            "array", items=TEXT, description="Sites that the numbers lack; absent where there are none."
        ),
        **_STANDING,
        "sections": schema("array", items=_SECTION, description="With `split=series`, in the place of rows."),
    },
    optional=(*_STANDING, "sites_away", "sections"),
    title="Board",
)
BoardOperation = answering(
    {
        200: response(
            "The board.",
            {"text/html": TEXT, "application/json": _BOARD, "text/csv": TEXT},
            headers(Vary="`Accept`.", **SITES_AWAY),
        ),
        303: SIGN_IN,
    },
    READING,
    parameters=in_openapi(KNOWN),
)
"""`GET /board` in the OpenAPI document."""
