"""Pages, pictures and messages in the language that is asked for, and what stays English."""

import html
import re
from typing import Any

import httpx
import pytest

from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
WORDS = {
    "/": ("What to show", "Was zu sehen ist", "Что показать"),
    "/display": ("Which records", "Welche Einträge", "Какие записи"),
    "/board": ("What the board shows", "Was die Tafel zeigt", "Что показать на табло"),
    "/board?view=wall": ("Plan and fact", "Soll und Ist", "План и факт"),
    "/corrections": ("Which corrections", "Welche Korrekturen", "Какие исправления"),
    "/sign-in": ("A key begins with", "Ein Schlüssel beginnt mit", "Ключ начинается с"),
    "/nothing-here": ("There is nothing at", "Unter /nothing-here gibt es nichts", "ничего нет"),
}
CODES = ("en", "de", "ru")
CASES = [(path, place) for path in WORDS for place in range(len(CODES))]


async def page(service: Running, address: str, **headers: str) -> httpx.Response:
    return await service.http.get(address, headers={**HTML, **headers})


def with_lang(address: str, code: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}lang={code}"


@pytest.mark.parametrize(("path", "place"), CASES)
async def test_a_page_is_in_the_language_of_the_address(shared: Running, path: str, place: int) -> None:
    code, word = CODES[place], WORDS[path][place]
    answer = await page(shared, with_lang(path, code), **{"Accept-Language": "fr, de;q=0.5"})
    assert f'<html lang="{code}"' in answer.text
    assert word in answer.text
    assert answer.headers["content-language"] == code
    assert "accept-language" not in answer.headers["vary"].lower()


@pytest.mark.parametrize(("path", "place"), CASES)
async def test_a_page_is_in_the_language_that_the_browser_likes_best(shared: Running, path: str, place: int) -> None:
    code, word = CODES[place], WORDS[path][place]
    answer = await page(shared, path, **{"Accept-Language": f"fr-FR, {code};q=0.8, en;q=0.2, de;q=0.1"})
    assert f'<html lang="{code}"' in answer.text
    assert word in answer.text
    assert "Accept-Language" in answer.headers["vary"]
    assert "?lang=" not in answer.text, "links go by the header as well"


async def test_the_setting_is_for_everybody_who_asks_for_nothing_else(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, language="ru", plan_label="Норма")) as service:
        for path in WORDS:
            answer = await page(service, path, **{"Accept-Language": "de"})
            assert '<html lang="ru"' in answer.text
            assert "accept-language" not in answer.headers["vary"].lower()
        assert '<html lang="de"' in (await page(service, "/?lang=de")).text
        svg = (await service.http.get("/chart?format=svg", headers={"Accept-Language": "de"})).text
        assert "Норма и факт" in svg
        assert "Норма und Ist" in (await service.http.get("/chart?format=svg&lang=de")).text


@pytest.mark.parametrize("path", ["/", "/display", "/corrections", "/board", "/board?view=wall", "/chart", "/live"])
async def test_a_language_that_there_is_not_is_refused(shared: Running, path: str) -> None:
    answer = await shared.http.get(with_lang(path, "xx"), headers={"Accept": "application/json;q=0.1, text/html"})
    assert answer.status_code == 400
    assert "en, de, ru" in answer.text
    germans = await page(shared, with_lang(path, "xx"), **{"Accept-Language": "de"})
    if path != "/live":
        assert "erlaubt sind en, de, ru" in germans.text
    told = await shared.http.get(with_lang("/chart", "xx"), headers={"Accept": "application/json"})
    assert told.json()["detail"] == "lang: 'xx' isn't allowed; allowed are en, de, ru."


async def test_the_language_of_an_address_is_kept_in_every_link(shared: Running, name: str) -> None:
    rows = [{"series": name, "ts": f"2026-11-20T06:00:{second:02}Z", "plan": 1, "fact": 1} for second in range(5)]
    await shared.http.post("/readings", json=rows)
    asked = f"series={name}&per_page=2&from=2026-11-20&until=2026-11-21&lang=de"
    answer = await page(shared, f"/display?{asked}")
    inner = re.findall(r'href="(/(?:display|corrections|board|chart|sign-in)?(?:\?[^"]*)?)"', answer.text)
    assert len(inner) > 8
    assert [link for link in inner if "lang=de" not in link] == []
    assert answer.text.count('<input type="hidden" name="lang" value="de">') == answer.text.count("<form") == 2
    following = re.findall(r'<([^>]+)>; rel="next"', answer.headers["link"])[0]
    assert "lang=de" in following
    assert "3–4 von 5 Einträgen" in re.sub(r"<[^>]+>", "", (await page(shared, following)).text)
    board = (await page(shared, f"/board?series={name}&lang=de")).text
    assert '<input type="hidden" name="lang" value="de">' in board
    assert re.search(r'href="/board\?[^"]*lang=de[^"]*view=wall"', board)
    assert re.search(r'data-query="board=hours&amp;[^"]*lang=de', board)


async def test_messages_beside_fields_are_in_the_language(shared: Running) -> None:
    answer = await page(shared, "/display?from=gestern&tz=Mars&lang=de")
    assert answer.status_code == 400
    assert "ist keine Zeitangabe. Schreiben Sie etwa 2026-01-31 14:05" in answer.text
    assert "ist keine IANA-Zeitzone" in answer.text
    beyond = await page(shared, "/display?page=999999&per_page=1000&lang=ru")
    assert beyond.status_code == 404
    assert "Страницы 999999 нет" in beyond.text
    wrong = await shared.http.post("/sign-in?lang=de", data={"key": "tk_wrong"}, headers=HTML)
    assert wrong.status_code == 401
    assert "Diesen Schlüssel gibt es nicht" in wrong.text


WRONG = [
    ("/board?from=now&until=-1h", "muss vor dem Ende liegen"),
    ("/board?shift=early", "hier sind keine Schichten bekannt"),
    ("/board?view=wall&stale=0", "muss zwischen 1m und 31d liegen"),
    ("/board?view=wall&stale=bald", "ist keine Dauer; schreiben Sie etwa 5m"),
    ("/board?labels=Soll", "müssen zwei Namen von 1 bis 30 druckbaren Zeichen"),
    ("/board?view=wall&unit=a%0Ab", "darf höchstens 30 druckbare Zeichen haben"),
    ("/board?excel=true", "gilt nur für format=csv"),
    ("/?plan=gestern", "ist nicht erlaubt; schreiben Sie fact-7d"),
    ("/?threshold=viel", "muss eine Zahl von 0 bis 10 hoch 15 ohne Exponent sein, ein Anteil am Soll von 0% bis 100%"),
    ("/?hours=morgens", "lässt sich nicht als Uhrzeiten lesen"),
    ("/?days=mo-fr", "lässt sich nicht als Tage lesen"),
    ("/?cumulative=shift", "hier sind keine Schichten bekannt"),
    ("/display?shift=early&from=now", "hat selbst Anfang und Ende"),
    ("/corrections?series=%00", "ein Name hat 1 bis 200 Zeichen"),
]


@pytest.mark.parametrize(("address", "said"), WRONG)
async def test_what_is_wrong_in_an_address_is_said_in_the_language_and_counted(
    shared: Running, address: str, said: str
) -> None:
    where = address.partition("?")[0]

    async def refused() -> float:
        text = (await shared.http.get("/metrics")).text
        found = re.search(rf'^taktline_refused_total{{reason="malformed",where="{where}"}} (\S+)', text, re.MULTILINE)
        return float(found[1]) if found else 0

    before = await refused()
    answer = await page(shared, with_lang(address, "de"))
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)
    assert await refused() == before + 1


async def test_shifts_that_there_are_not_are_named_in_the_language(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, shifts="early 06:00-14:00 days mon-fri")) as service:
        for shift, said in (
            ("late", "'late' ist keine Schicht; erlaubt sind early, shift, last-shift und ein Name mit Datum"),
            ("early@2026-11-28", "am 2026-11-28, einem Samstag, gibt es keine Schicht 'early'"),
            ("early@gestern", "'gestern' ist kein Datum; schreiben Sie etwa 2026-11-24, today oder yesterday"),
        ):
            for view in ("hours", "wall"):
                answer = await page(service, f"/board?view={view}&shift={shift}&lang=de")
                assert (answer.status_code, said in html.unescape(answer.text)) == (400, True)


async def test_what_programs_read_is_english_in_every_language(shared: Running, name: str) -> None:
    await shared.http.post("/readings", json={"series": name, "ts": "2026-11-20T06:00:00Z", "plan": 1234.5})
    german = {"Accept-Language": "de"}
    for address in (
        f"/display?series={name}&format=json",
        f"/display?series={name}&format=csv",
        f"/chart?series={name}&format=json&from=2026-11-20&until=2026-11-21",
        f"/chart?series={name}&format=csv&from=2026-11-20&until=2026-11-21",
        f"/board?series={name}&format=csv&from=2026-11-20&until=2026-11-21",
        "/display?page=0&format=json",
        "/schema/openapi.json",
    ):
        plain = await shared.http.get(address)
        asked = await shared.http.get(with_lang(address, "de") if "schema" not in address else address, headers=german)
        assert asked.text == plain.text, address
        assert asked.headers.get("etag") == plain.headers.get("etag")
        assert "content-language" not in asked.headers
    refused = await shared.http.post("/readings", json={"plan": "many"}, headers=german)
    assert "must be a number" in refused.json()["detail"]


async def test_a_chart_has_a_tag_and_a_cache_for_each_language(shared: Running, name: str) -> None:
    rows = [{"series": name, "ts": f"2026-11-20T06:{minute:02}:00Z", "plan": 1500, "fact": 900} for minute in range(3)]
    await shared.http.post("/readings", json=rows)
    asked = f"/chart?series={name}&format=svg&from=2026-11-20T06:00Z&until=2026-11-20T06:10Z&tz=UTC&cumulative=period"
    found: dict[str, httpx.Response] = {}
    for code in CODES:
        found[code] = await shared.http.get(with_lang(asked, code))
        by_header = await shared.http.get(asked, headers={"Accept-Language": code})
        assert by_header.text == found[code].text
        assert by_header.headers["etag"] == found[code].headers["etag"]
        assert by_header.headers["vary"] == "Accept, Accept-Encoding, Accept-Language"
        again = await shared.http.get(
            asked, headers={"Accept-Language": code, "If-None-Match": by_header.headers["etag"]}
        )
        assert again.status_code == 304
    assert len({one.headers["etag"] for one in found.values()}) == 3
    texts = {code: re.findall(r">([^<>]+)</t", one.text) for code, one in found.items()}
    assert {"Plan and fact: " + name, "plan", "1800 behind"} - {*texts["en"]} == set()
    assert {"Soll und Ist: " + name, "Soll", "Ist", "1.800 Rückstand"} - {*texts["de"]} == set()
    assert {"План и факт: " + name, "план", "отставание 1\N{NO-BREAK SPACE}800"} - {*texts["ru"]} == set()
    assert any(re.fullmatch(r"\d\.000", text) for text in texts["de"]), "the axis"
    assert any(text.startswith("20.11.2026 06:00 bis 06:10") for text in texts["de"])
    page_of_chart = (await shared.http.get(with_lang(asked.replace("svg", "html"), "de"))).text
    assert '<html lang="de">' in page_of_chart
    assert '"decimal":","' in page_of_chart


async def test_an_error_is_drawn_in_the_language(shared: Running) -> None:
    drawn = await shared.http.get("/chart?step=2h&lang=de", headers={"Accept": "image/svg+xml"})
    assert drawn.status_code == 400
    assert "400 Ungültige Anfrage" in drawn.text


RTL = ("خط الإنتاج 3", "קו ייצור 7")


async def test_names_from_right_to_left_stand_by_themselves_on_every_page(shared: Running, name: str) -> None:
    names = [f"{one} {name}" for one in RTL]
    rows: list[dict[str, Any]] = [
        {"series": one, "ts": f"2026-11-20T06:0{minute}:00Z", "plan": 3, "fact": 2}
        for one in names
        for minute in (1, 2)
    ]
    notes = [{"series": one, "ts": "2026-11-20T06:01:00Z", "note": "החומר נגמר (3)"} for one in names]
    await shared.http.post("/readings", json=rows)
    await shared.http.post("/readings", json=notes)
    asked = {"series": names, "from": "2026-11-20T06:00Z", "until": "2026-11-20T07:00Z"}
    for path in ("/", "/display", "/board", "/board?view=wall", "/board?split=series"):
        query = httpx.QueryParams({**httpx.URL(path).params, **asked})
        answer = await page(shared, f"{httpx.URL(path).path}?{query}", **{"Accept-Language": "ru"})
        assert answer.status_code == 200, path
        for one in names:
            shown = re.findall(rf"(?:<bdi[^>]*>|\u200e){re.escape(one)}(?:</bdi>|\u200e)", answer.text)
            assert shown, (path, one)
    svg = (await shared.http.get("/chart", params={**asked, "format": "svg"})).text
    assert "\N{REPLACEMENT CHARACTER}" not in svg
    assert f"Plan and fact: \u200e{names[0]}\u200e, \u200e{names[1]}\u200e" in re.sub(r"</?tspan[^>]*>", "", svg)
    for form in ("png", "pdf"):
        assert (await shared.http.get("/chart", params={**asked, "format": form})).status_code == 200
