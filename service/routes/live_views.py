"""Which view a connection to `/live` asks for: one of the live page or, with `board`, one of a board."""

from collections.abc import Callable

from service.live.live_feed import AnyView
from service.routes.board_parameters import VIEWS, read_board_parameters
from service.routes.defaults import Defaults
from service.routes.live_parameters import PARAMETERS, LiveParameters, width_for
from service.routes.parameters import choice, known_only
from service.routes.senders import Connection, grant_of
from service.routes.speaking import speaking


def views_for(defaults: Defaults) -> Callable[[Connection], AnyView]:
    """The function that reads the view; it raises BadRequest, which names the parameter that is wrong, and Forbidden
    for a series that isn't granted."""

    def view_of(asking: Connection) -> AnyView:
        asked, spoken = asking.query_params, speaking(asking, defaults.language).code
        if "board" in asked:
            view = choice("board", asked["board"], VIEWS)
            rest = [(name, value) for name, value in asked.multi_items() if name not in ("board", "view")]
            return read_board_parameters([*rest, ("view", view)], defaults.longest_name).board_view(
                defaults, grant_of(asking), spoken
            )
        known_only(asking, (*PARAMETERS, "width"), repeatable=["series"])
        meant = LiveParameters.of(list(asked.multi_items()))
        return meant.view(defaults, grant_of(asking), spoken, width_for(asked.get("width")))

    return view_of
