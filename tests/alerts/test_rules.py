"""The settings of alerts: how rules are written, and what is said of those that are wrong."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.alerts.addresses import read_address, read_secret_key
from service.alerts.rules import read_names, read_rules
from service.errors import StartError
from service.period.comparison import Threshold
from service.period.ends import Asked
from service.settings import Settings

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
URL = "https://alerts.example/hook"


def test_rules_as_people_write_them() -> None:
    one, two, three = read_rules(
        " line2 series=line 2 behind=10% for=5m;silence  stale = 10m ;; "
        "all.of series=a b series=c split=series behind=3",
        "Europe/Berlin",
    )
    assert (one.name, one.question.series.names) == ("line2", ("line 2",))
    assert (one.question.behind, one.question.lasting) == (Threshold(10, is_share=True), timedelta(minutes=5))
    assert (two.name, two.question.series.names, two.question.stale) == ("silence", None, timedelta(minutes=10))
    assert (three.question.series.names, three.question.split) == (("a b", "c"), True)
    assert (three.question.asked, three.question.zone) == (Asked(), "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("behind=10%", "'behind=10%' has no name to begin with"),
        ("a", "'a': What is allowed is missing"),
        ("a 10%", "'a 10%' has '10%' where one of series, behind, for, stale"),
        ("a behind=1; a stale=5m", "two rules are named 'a'"),
        ("a behind=1 bahind=2", "'a behind=1 bahind=2' has 'bahind', which isn't a parameter"),
        ("a behind=1 behind=2", "'a behind=1 behind=2' has behind twice"),
        ("a behind=", "'a behind=' has behind without a value"),
        ("a behind=x", "'a behind=x': behind: 'x' must be a number"),
        ("a stale=1y", "'a stale=1y': stale: '1y': '1y' isn't a duration"),
        (f"a behind=1 series={'x' * 201}", "names a series that can't be"),
        ("a behind=1 shift=early", "'a behind=1 shift=early': shift: no shifts are known here"),
        ("; ".join(f"r{n} behind=1" for n in range(101)), "there are 101 rules; 100 are allowed"),
    ],
)
def test_a_rule_that_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(StartError) as caught:
        Settings.load(alerts=text, alert_url=URL)
    assert caught.value.detail.startswith("ALERTS: ")
    assert told in caught.value.detail


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"alerts": "a behind=1"}, "ALERTS is set without ALERT_URL, so that nobody would be told"),
        ({"alert_url": "ftp://x/SECRET"}, "ALERT_URL must begin with http:// or https:// and a host"),
        ({"alert_url": "https://höst/SECRET"}, "ALERT_URL has characters that an address can't have"),
        ({"alert_url": "https://a:b/SECRET"}, "ALERT_URL isn't an address"),
        ({"alert_secret": "whsec_SECRET"}, "ALERT_SECRET must be whsec_ and 24 to 64 random bytes in base64"),
        ({"alert_secret": SECRET.removeprefix("whsec_")}, "ALERT_SECRET must be whsec_"),
        ({"metrics_series": ";".join(map(str, range(101)))}, "METRICS_SERIES: there are 101 series"),
    ],
)
def test_what_is_wrong_beside_them_is_said_without_secrets(given: dict[str, Any], told: str) -> None:
    with pytest.raises(StartError) as caught:
        Settings.load(**given)
    assert caught.value.detail.startswith(told)
    assert "SECRET/" not in caught.value.detail.replace("ALERT_SECRET", "")
    assert "/SECRET" not in caught.value.detail


def test_addresses() -> None:
    plain, full = read_address("http://h"), read_address("https://me:p%20w@[::1]:444/a/b?c=d#e")
    assert (plain.tls, plain.host, plain.port, plain.target, plain.named) == (False, "h", 80, "/", "h")
    assert (full.tls, full.host, full.port, full.target) == (True, "::1", 444, "/a/b?c=d")
    assert (full.named, full.authorization) == ("[::1]:444", "Basic bWU6cCB3")
    assert read_secret_key(SECRET) == bytes(range(32))


def test_names_of_series() -> None:
    assert read_names(" line 1; a, b ;;line 1") == ("line 1", "a, b")


@given(st.text(max_size=60) | st.from_regex(r"\A(\w+ (behind|for|stale|series)=[^;]{0,9};? ?)*\Z"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rules = read_rules(text)
    except ValueError:
        return
    assert all(rule.question.behind or rule.question.stale for rule in rules)
