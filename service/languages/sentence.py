"""English sentences that can be said in other languages later: where an error is raised, nobody knows yet who reads
it."""


class Sentence(str):
    """A text in English, which remembers the text of the catalogues that it is made of, and the values in it."""

    template: str
    values: dict[str, object]


def sentence(template: str, **values: object) -> Sentence:
    """The sentence of a text with places like `%(name)s` and what stands there, which may be sentences themselves."""
    made = Sentence(template % values if values else template)
    made.template, made.values = template, values
    return made


def translatable(text: str) -> str:
    """The same text, which so gets into the catalogues: for constants, which are said in a language elsewhere."""
    return text
