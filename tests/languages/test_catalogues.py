"""The catalogues have every text of the code and the pages, once and complete, so that translators see all there is."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from service.languages.language import CATALOGUES, ENGLISH, Language, languages

ROOT = Path(__file__).parents[2]
TEMPLATE = CATALOGUES / "messages.pot"
OTHERS = [code for code in languages() if code != ENGLISH]
Key = tuple[str | None, str]


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def catalogue(code: str) -> Catalog:
    return read(CATALOGUES / code / "LC_MESSAGES" / "taktline.po")


def messages(of: Catalog) -> dict[Key, Message]:
    return {(one.context, "\n".join(_texts(one.id))): one for one in of if one.id}


def said(message: Message) -> list[str]:
    """The texts of a message in the language of the catalogue, several where it has a plural."""
    return _texts(message.string)


def _texts(one: object) -> list[str]:
    return [str(text) for text in one] if isinstance(one, (tuple, list)) else [str(one)]


def places(text: str) -> set[str]:
    """The places for values in a text, of both kinds."""
    return set(re.findall(r"%\((\w+)\)s", text)) | {f"{{{name}}}" for name in re.findall(r"\{(\w+)\}", text)}


def extracted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """What `make catalogues` finds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    made = folder / "found.pot"
    words = f"pybabel -q extract -F pyproject.toml -k translatable -k sentence -o {made} .".split()
    CommandLineInterface().run(words)  # type: ignore[no-untyped-call]
    return read(made)


def test_there_are_the_languages_that_the_readme_promises() -> None:
    assert languages() == ("en", "de", "ru")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_template_has_what_is_in_the_code_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, known = messages(extracted(tmp_path, monkeypatch)), messages(read(TEMPLATE))
    assert len(found) > 250
    assert found.keys() == known.keys(), "run make catalogues"


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_complete_and_has_nothing_that_is_not_used(code: str) -> None:
    made, known = catalogue(code), messages(read(TEMPLATE))
    assert messages(made).keys() == known.keys(), "run make catalogues"
    assert not made.obsolete
    for message in messages(made).values():
        assert all(said(message)), message.id
        assert not message.fuzzy, message.id
        assert len(said(message)) == (made.num_plurals if message.pluralizable else 1), message.id


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_has_the_places_of_the_english_one(code: str) -> None:
    for message in messages(catalogue(code)).values():
        for text in said(message):
            assert places(text) == places(_texts(message.id)[-1]), message.id


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_brings_markup_to_a_page(code: str) -> None:
    texts = [text for one in messages(catalogue(code)).values() for text in (*said(one), *_texts(one.id))]
    assert [text for text in texts if "<" in text or "&" in text] == []


def test_another_language_is_a_folder_with_a_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = '"Content-Type: text/plain; charset=utf-8\\n"\n"Language: pl\\n"'
    plurals = (
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"'
    )
    body = 'msgid "Records"\nmsgstr "Rekordy"\n\nmsgid "%(num)s day"\nmsgid_plural "%(num)s days"\n'
    forms = 'msgstr[0] "%(num)s dzień"\nmsgstr[1] "%(num)s dni"\nmsgstr[2] "%(num)s dni"\n'
    text = f'msgid ""\nmsgstr ""\n{header}\n{plurals}\n\n{body}{forms}'
    (folder / "taktline.po").write_bytes(text.encode())
    monkeypatch.setattr("service.languages.language.CATALOGUES", tmp_path)
    languages.cache_clear()
    try:
        assert languages() == ("en", "pl")
        polish = Language("pl")
        assert polish.gettext("Records") == "Rekordy"
        assert polish.gettext("Board") == "Board", "what isn't translated yet is English"
        assert [polish.ngettext("%(num)s day", "%(num)s days", n) for n in (1, 2, 5)] == ["1 dzień", "2 dni", "5 dni"]
        assert polish.numbers.number(1234.5) == "1\N{NO-BREAK SPACE}234,5"
    finally:
        languages.cache_clear()
