"""In which language a request is answered, where people see the answer: that of `lang`, otherwise that of the setting
LANGUAGE, otherwise the one that the browser likes best."""

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar.connection import ASGIConnection
from litestar.params import QueryParameter
from litestar.types import Scope

from service.errors import BadRequest
from service.languages.choosing import best_language
from service.languages.language import ENGLISH, Language, language_named, languages
from service.routes.edge.headers import header_lines
from service.routes.parameters import choice
from service.routes.short_keys import kept_by_short_text

LANG = "lang"
"""The parameter of every page and picture that names the language."""
LANGUAGE_CHOSEN = "Language of the page: by default the setting `LANGUAGE`, otherwise what the browser likes best."
LangName = Annotated[str | None, QueryParameter(name=LANG, description=LANGUAGE_CHOSEN)]


class Speaking(msgspec.Struct, frozen=True):
    """The code of a language; whether the address asks for it, so that links ask for it as well; and whether the
    header decides, so that other browsers may get another answer."""

    code: str = ENGLISH
    is_asked: bool = False
    by_header: bool = False

    @property
    def language(self) -> Language:
        return language_named(self.code)

    def keep(self, address: str) -> str:
        """The address with this language, if it was asked for."""
        if not self.is_asked:
            return address
        return f"{address}{'&' if '?' in address else '?'}{urlencode({LANG: self.code})}"

    def varying(self, vary: str) -> str:
        """The value of Vary with what else the answer depends on."""
        return f"{vary}, Accept-Language" if self.by_header else vary


def speaking(request: ASGIConnection[Any, Any, Any, Any], default: str) -> Speaking:
    """The language of the answer; `default` is the setting. BadRequest where `lang` names one that there isn't."""
    asked = request.query_params.get(LANG)
    return Speaking(check_language(LANG, asked), is_asked=True) if asked else unasked(request.scope, default)


def speaking_anyhow(request: ASGIConnection[Any, Any, Any, Any], default: str) -> Speaking:
    """The same for whoever answers errors, and takes no notice of a wrong `lang`."""
    try:
        return speaking(request, default)
    except BadRequest:
        return unasked(request.scope, default)


def unasked(scope: Scope, default: str) -> Speaking:
    """The language where an address asks for none."""
    if default:
        return Speaking(default)
    return Speaking(_liked(",".join(header_lines(scope, b"accept-language"))), by_header=True)


def check_language(name: str, value: str) -> str:
    """The code of a language; BadRequest where there is no such, which names them all."""
    return choice(name, value, languages())


_liked = kept_by_short_text(256)(best_language)
