"""The sites of the settings, and the names of their series."""

from pathlib import Path

import pytest

from service.errors import BadRequest, StartError
from service.federation.sites import LONGEST_NAME, Site, by_site, read_sites, unnamed
from service.settings import Settings

TWO = "berlin=https://taktline.berlin.example; ulm = http://10.0.0.2:8080/taktline/ ;"
DATABASE = "postgresql://taktline@localhost/taktline"
KEY = "tk_secret_of_berlin"


def test_sites_are_read_with_their_keys() -> None:
    assert read_sites(TWO, f"berlin={KEY}") == (
        Site("berlin", "https://taktline.berlin.example", KEY),
        Site("ulm", "http://10.0.0.2:8080/taktline", None),
    )


def test_no_key_is_shown() -> None:
    assert KEY not in repr(read_sites(TWO, f"berlin={KEY}"))
    assert KEY not in repr(Settings.load(federate=TWO, federate_keys=f"berlin={KEY}"))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"federate": "berlin"}, "FEDERATE can't be read at its part 1"),
        ({"federate": "a=http://a; b/c=http://b"}, "FEDERATE can't be read at its part 2"),
        ({"federate": ";"}, "FEDERATE names no site"),
        ({"federate": "a=http://a; a=http://b"}, "names a twice"),
        ({"federate": "a=http://a; A=http://b"}, "can't tell a from A"),
        ({"federate": "a=http://one/; b=http://ONE"}, "a and b are the same address"),
        ({"federate": "a=http://one:80; b=http://one"}, "a and b are the same address"),
        ({"federate": "a=https://one/; b=https://one:443"}, "a and b are the same address"),
        ({"federate": "a=http://one/x/../y; b=http://one/y"}, "a and b are the same address"),
        ({"federate": "a=http://xn--zz--zz"}, "the address of a must begin with http"),
        ({"federate": "a=http://[v1.x]"}, "the address of a must begin with http"),
        ({"federate": "a=taktline.example"}, "the address of a must begin with http"),
        ({"federate": "a=http://u:p@host"}, "its key belongs in FEDERATE_KEYS"),
        ({"federate": "a=http://host/?x=1"}, "may have a path, and nothing else"),
        ({"federate": TWO, "federate_keys": f"bonn={KEY}"}, "has a key for 'bonn', which FEDERATE doesn't name"),
        ({"federate": TWO, "federate_keys": f"ulm={KEY} 1"}, "has a key for ulm with characters that no key has"),
        ({"federate": TWO, "federate_keys": KEY}, "FEDERATE_KEYS can't be read at its part 1"),
        ({"federate_keys": f"ulm={KEY}"}, "FEDERATE_KEYS is set without FEDERATE"),
        ({"federate_read_key": KEY}, "FEDERATE_READ_KEY is set without FEDERATE"),
        ({"federate": TWO, "anonymous": "none"}, "ANONYMOUS=none with FEDERATE needs FEDERATE_READ_KEY"),
        ({"federate": TWO, "anonymous": "write"}, "ANONYMOUS=write with FEDERATE needs FEDERATE_READ_KEY"),
        ({"federate": TWO, "federate_read_key": "short"}, "FEDERATE_READ_KEY must be 16"),
        ({"federate": TWO, "database_url": DATABASE}, "DATABASE_URL can't be set together with FEDERATE"),
        ({"federate": TWO, "database_url": "nonsense"}, "DATABASE_URL can't be set together with FEDERATE"),
        ({"federate": TWO, "database_read_url": DATABASE}, "DATABASE_READ_URL can't be set together with FEDERATE"),
        ({"federate": TWO, "database_password": KEY}, "DATABASE_PASSWORD can't be set together with FEDERATE"),
        ({"federate": TWO, "workers": 2}, "WORKERS can't be set together with FEDERATE"),
        ({"federate": TWO, "retention_readings": "400d"}, "RETENTION_READINGS can't be set together with FEDERATE"),
        ({"federate": TWO, "compress_after": "30d"}, "COMPRESS_AFTER can't be set together with FEDERATE"),
        ({"federate": TWO, "alert_url": "http://pager.example"}, "ALERT_URL can't be set together with FEDERATE"),
        ({"federate": TWO, "tcp_port": 9000}, "TCP_PORT can't be set together with FEDERATE"),
        ({"federate": TWO, "metrics_series": "line 1"}, "METRICS_SERIES can't be set together with FEDERATE"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_start(overrides: dict[str, object], said: str) -> None:
    with pytest.raises(StartError) as refused:
        Settings.load(**overrides)
    assert said in refused.value.detail
    assert KEY not in refused.value.detail


@pytest.mark.parametrize("name", ["database_url", "database_read_url", "database_password"])
def test_a_view_has_no_file_with_a_secret_of_a_database(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(DATABASE)
    with pytest.raises(StartError, match=f"^{name.upper()}_FILE can't be set together with FEDERATE"):
        Settings.load(federate=TWO, **{f"{name}_file": str(file)})


def test_names_say_which_site_is_asked() -> None:
    sites = ("berlin", "ulm")
    assert by_site(None, sites) == {"berlin": None, "ulm": None}
    assert by_site(("ulm/line 1", "ulm/a/b"), sites) == {"ulm": ("line 1", "a/b")}
    assert by_site(("ulm/x", "berlin/*", "ulm/*", "ulm/y"), sites) == {"ulm": None, "berlin": None}
    assert unnamed(("ulm/x", "berlin/*", "berlin/y"), ("ulm",)) == ("ulm/x", "berlin/*")


@pytest.mark.parametrize("name", ["line 1", "bonn/line 1", "ulm", "ulm/", "/line 1", "*"])
def test_a_name_of_no_site_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="is of no site here; write one of berlin, ulm"):
        by_site((name,), ("berlin", "ulm"))


def test_a_name_is_as_long_as_at_its_site() -> None:
    site = 40 * "s"
    assert by_site((f"{site}/{200 * 'x'}",), (site,)) == {site: (200 * "x",)}
    assert len(f"{site}/{200 * 'x'}") == LONGEST_NAME
    with pytest.raises(BadRequest, match="after ulm/ a name has 1 to 200 characters, as at the site, not 201"):
        by_site((f"ulm/{201 * 'x'}",), ("ulm",))
