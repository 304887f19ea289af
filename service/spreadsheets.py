"""CSV for people who open it in a spreadsheet, which takes some texts for formulas and UTF-8 for something else."""

BYTE_ORDER_MARK = "\ufeff"
"""By this at the beginning of a file, Excel recognises UTF-8."""
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet runs as a formula: https://owasp.org/www-community/attacks/CSV_Injection"""


def guarded(text: str) -> str:
    """The text of a cell, with an apostrophe before it where it would be a formula."""
    return f"'{text}" if text.startswith(_BEGINNINGS) else text
