"""A language: its texts, its numbers and its dates. The texts in the code are English, and what a
catalogue lacks is said in English."""

import gettext
import io
from functools import cache
from pathlib import Path
from typing import Any

from service.languages.numbers import Numbers, vega_locale
from service.languages.sentence import Sentence
from service.languages.times import Times

ENGLISH = "en"
DOMAIN = "taktline"
CATALOGUES = Path(__file__).parent


class Language:
    """What is said in one language. Places in texts are written `%(name)s`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.texts: gettext.NullTranslations = gettext.NullTranslations()
        self.numbers, self.times = Numbers(), Times()
        self.vega: dict[str, Any] | None = None
        """How the drawing library writes numbers; None where it needn't be told."""
        self.right_to_left = False
        if code != ENGLISH:
            from babel import Locale

            locale = Locale.parse(code)
            self.texts = _read(_catalogue(code))
            self.numbers, self.times, self.vega = Numbers(locale), Times(locale), vega_locale(locale)
            self.right_to_left = locale.text_direction == "rtl"

    def gettext(self, text: str, **values: object) -> str:
        """The text in this language, with these values in its places."""
        said = self.texts.gettext(text)
        return said % values if values else said

    def pgettext(self, context: str, text: str, **values: object) -> str:
        """The same for a text that means something else in another context."""
        said = self.texts.pgettext(context, text)
        return said % values if values else said

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """The form of a text that belongs to a number, which stands at its place `%(num)s`."""
        said = self.texts.ngettext(one, many, number)
        return said % {"num": self.numbers.whole(number), **values}

    def say(self, text: str) -> str:
        """A sentence of the service in this language. Any other text stays as it is."""
        if isinstance(text, Sentence) and text.values:
            values = {name: self.say(one) if isinstance(one, str) else one for name, one in text.values.items()}
            return self.gettext(text.template, **values)
        return self.texts.gettext(text) if text else text

    def labels(self, given: tuple[str, str]) -> tuple[str, str]:
        """What plan and fact are called, where an empty name is the usual one."""
        return given[0] or self.pgettext("label", "plan"), given[1] or self.pgettext("label", "fact")

    def duration(self, minutes: float) -> str:
        """Minutes, or hours and minutes."""
        whole = round(minutes)
        if whole < 60:
            return self.gettext("%(minutes)s min", minutes=whole)
        hours, rest = divmod(whole, 60)
        return self.gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=format(rest, "02"))


@cache
def languages() -> tuple[str, ...]:
    """The codes of all languages, English first: one for each folder with a catalogue."""
    return (ENGLISH, *sorted(path.parents[1].name for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")))


@cache
def language_named(code: str) -> Language:
    """The language with this code, which is one of `languages()`. Its catalogue is read when it is first needed."""
    return Language(code)


def _catalogue(code: str) -> Path:
    return CATALOGUES / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def _read(path: Path) -> gettext.GNUTranslations:
    """The texts of a catalogue as it is written, so that nothing has to be compiled before the service starts."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
