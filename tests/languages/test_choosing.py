"""Which language is meant by a header, as browsers send it."""

import pytest

from service.languages.choosing import best_language


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR,fr;q=0.9", "en"),
        ("fr, ru;q=0.3, de;q=0.4", "de"),
        ("de;q=0, ru;q=0.1", "ru"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        ("de ; q = 0.5 , ru ; q=0.6", "ru"),
        ("de;q=nonsense, ru", "ru"),
        ("de;q=1.0000, ru;q=0.5", "ru"),
        ("../../etc/passwd, \0, de", "de"),
        (",".join(["x"] * 10_000) + ",de", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str, code: str) -> None:
    assert best_language(header) == code
