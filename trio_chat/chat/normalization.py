"""Unicode normalisation of what somebody typed, in a time that grows only with its length.

CPython sorts the combining marks that stand on one letter by insertion, which is quadratic: 32,000 marks take three
seconds. So runs of marks are shortened first, to what UAX #15, section 13 (Stream-Safe Text Format), allows: no
language comes near it. Nothing else in the program imports `unicodedata.normalize`, and a test holds that.
"""

import re
from typing import Literal
from unicodedata import category, normalize

RUN_MAX = 30
"""Combining marks in a row that are kept."""

_HALFWIDTH_MARKS = "\uff9e\uff9f"
"""Letters by category, which become combining marks under NFKC."""

_MAYBE_TOO_LONG = re.compile(rf"[\W{_HALFWIDTH_MARKS}]{{{RUN_MAX + 1}}}")  # marks are no word characters


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Normalise a text. Of the marks on one letter, those behind the first 30 are dropped."""
    return normalize(form, _with_short_runs(text) if _MAYBE_TOO_LONG.search(text) else text)


def _with_short_runs(text: str) -> str:
    kept = []
    run = 0
    for char in text:
        run = run + 1 if is_mark(char) else 0
        if run <= RUN_MAX:
            kept.append(char)
    return "".join(kept)


def is_mark(char: str) -> bool:
    """Tell whether a character can continue a run of combining marks, also once it is normalised."""
    return category(char)[0] == "M" or char in _HALFWIDTH_MARKS
