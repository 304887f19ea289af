"""In which format a chart is sent: the one that its address names, otherwise the one that the client likes best."""

from service.charts.question import ChartFormat
from service.errors import bad_parameter
from service.routes.chart.chart_parameters import FORMATS, ChartParameters
from service.routes.parameters import FOR_CSV, best_match
from service.routes.short_keys import kept_by_short_text


def format_of(parameters: ChartParameters, accept: str) -> ChartFormat:
    """The format for a client with this Accept header. BadRequest where the parameters are for another one."""
    form = parameters.form or _accepted(accept)
    if parameters.excel and form != "csv":
        raise bad_parameter("excel", FOR_CSV)
    return form


@kept_by_short_text(256)
def _accepted(accept: str) -> ChartFormat:
    """The format that the Accept header asks for. A browser that opens the address accepts everything, and gets the
    picture."""
    # a client that accepts application/* is a program, which can hardly use a PDF
    ordered = sorted(FORMATS, key=lambda form: form == "pdf")
    takes_all = best_match(accept, ("x/x",)) is not None
    offered = [form for form in ordered if not (form == "html" and takes_all)]
    best = best_match(accept, tuple(FORMATS[form] for form in offered))
    return next((form for form in offered if FORMATS[form] == best), "png")
