"""Texts in their worst form: those that cost most to normalise, to clean, to compare or to show."""

from types import MappingProxyType

WORST = MappingProxyType(
    {
        "marks in descending class": "\u0345\u0323\u05b0\u0301",
        "marks whose decomposition is two marks": "\u0344\u0f73\u0f71\u0f81",
        "marks only once they are compatible": "\uff9e\u0323\uff9f",
        "letters with many marks": "a" + "\u0301\u0323" * 8,
        "letters with too many marks": "a" + "\u0301\u0323" * 30,
        "one letter that becomes eighteen": "\ufdfa",
        "people joined": "\U0001f468\u200d\U0001f469\u200d",
        "joiners alone": "\u200d\u200c\ufe0f",
        "conjuncts": "\u0915\u094d\u200d",
        "tags": "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        "regional indicators": "\U0001f1e6\U0001f1ff",
        "look-alikes": "\u0430\u03bf\u0399\u13a0",
        "four bytes each": "\U0001d400",
        "capitals that become two": "\u0130\u00df\ufb03",
        "right to left": "\u202e\u05d0\u0627\u2067",
        "sequences without an end": "\x1b[0;",
        "strings without an end": "\x1b]0;\x9d",
        "nothing to see": "\u200b\u00ad\u034f",
        "blanks": " \u2003\t",
        "slashes": "/",
        "brackets": '[{"',
        "digits": "9",
        "fullwidth digits": "\uff19",
        "signs": "_:.-%",
    }
)
"""Texts to be repeated, by name."""


def fill(unit: str, *, chars: int | None = None, size: int | None = None) -> str:
    """Repeat a unit up to so many characters, or so many bytes of UTF-8 as JSON writes them, whichever is less."""
    if size is not None:
        bytes_each = max(len(_as_json(char)) for char in unit)
        chars = min(size // bytes_each, size if chars is None else chars)
    assert chars is not None
    return (unit * (chars // len(unit) + 1))[:chars]


def _as_json(char: str) -> bytes:
    if char in '"\\':
        return b"\\" + char.encode()
    return char.encode() if char >= " " else f"\\u{ord(char):04x}".encode()
