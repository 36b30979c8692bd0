"""The cleaning of user text: one line in, one line out, and nothing in it that drives or deceives a terminal.

Cleaning makes text safe, not canonical: it is not normalised, since the spelling is the sender's, its length was
checked as it came, and terminals draw either form. Private use characters stay (icon fonts of terminals live there,
and they command nothing), unassigned ones too (they are next year's emoji).
"""

import re
from unicodedata import category

TEXT_MAX = 4096
"""Characters of one thing that is said."""

TAB_STOP = 8
"""A tab reaches to the next multiple of this many characters: the tab stops of terminals."""

MARKS_MAX = 8
"""Combining marks kept on one letter: Vietnamese takes 2, Thai 3, Hebrew with vowels and accents 5, Tibetan 6."""

# Never seen and never needed: first and last of each range. Sources: UAX #9 (bidi), UAX #44 (Default_Ignorable_Code_
# Point and the general category Cf), The Unicode Standard 23.7 (noncharacters). Signs of category Cf that are drawn,
# such as U+06DD, are not here.
_HIDDEN_RANGES = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark (bidi)
    (0x115F, 0x1160),  # Hangul fillers: letters by category, blank to the eye
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180E, 0x180E),  # Mongolian vowel separator
    (0x200B, 0x200B),  # zero width space
    (0x200E, 0x200F),  # bidi marks
    (0x202A, 0x202E),  # bidi embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, bidi isolates, deprecated formats
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # lone surrogates: no encoder takes them
    (0xFDD0, 0xFDEF),  # noncharacters
    (0xFE00, 0xFE0D),  # variation selectors that no emoji uses
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF0, 0xFFFB),  # interlinear annotation, and reserved for more such
    (0x13430, 0x1343F),  # joiners of hieroglyphs
    (0x16FE4, 0x16FE4),  # Khitan filler
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),  # noncharacters
    (0xE0000, 0xE001F),  # language tag
    (0xE0080, 0xE0FFF),  # variation selectors of ideographs (a byte can be smuggled in each), reserved
)
HIDDEN = "".join(f"{chr(first)}-{chr(last)}" for first, last in _HIDDEN_RANGES)
"""Characters that are always stripped, as the inside of a regular expression's brackets."""

JOINERS = "\u180b-\u180d\u180f\u200c\u200d\ufe0e\ufe0f\U000e0020-\U000e007f"
"""Invisible, but an emoji or a script may need it: stripped elsewhere. The inside of brackets, too."""

_SEPARATORS = r"\t-\r\x1c-\x1f\x85\u2028\u2029"

# ECMA-48 5.4 and 5.6, ECMA-35 13.2. A whole sequence goes with its parameters, since `[31m` is noise to a reader. One
# that does not end within the line loses only its introducer, and ESC before a letter only itself: rather some noise
# than a word that vanished after a stray Escape key. A control ends each class below, which keeps the search linear.
_SEQUENCES = (
    r"\x1b(?:\[\[[A-E]|O[A-DFHP-S])",  # keys: F1 to F5 of Linux, and cursor keys in application mode, of no text
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]",  # CSI: colours, cursor
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)",  # OSC, DCS, SOS, PM, APC
    r"\x1b(?:[()*+][0-9A-Z]|%[@G]|#[0-9]|[78=>])",  # character sets, cursor saved and restored, keypad modes
)

_CONTROL = re.compile(rf"{'|'.join(_SEQUENCES)}|(\r\n|[{_SEPARATORS}])|[\x00-\x1f\x7f-\x9f]")
_ANY_CONTROL = re.compile(rf"[{_SEPARATORS}\x00-\x1f\x7f-\x9f]")
_ANY_HIDDEN = re.compile(f"[{HIDDEN}]+")

# Most lines consist of these alone, blocks without a mark and without anything invisible; they are clean as they are.
_PLAIN = (
    " -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u05d0-\u05ea\u0620-\u064a\u0e01-\u0e30\u0e40-\u0e46"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u2bff\u3000-\u3029\u3030-\u3098\u309b-\u3163\u3165-\u31ff"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9f\U0001f300-\U0001faff"
)
_ALL_PLAIN = re.compile(f"[{_PLAIN}]*")
_TOO_LONG_A_RUN = re.compile(f"[^{_PLAIN}]{{{MARKS_MAX + 1}}}")

# UTS #51: what can be part of an emoji, in ranges a little wider than Extended_Pictographic; skin tones are among them.
_PICTURE = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_ARABIC = "[\u0620-\u065f\u066e-\u06d3\u06d5\u06fa-\u06ff\u0750-\u077f\u08a0-\u08c7]"
_INDIC = "[\u0900-\u0dff\u1000-\u109f\u1780-\u17d3]"
_VIRAMA = "[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca]"

# Each looks only at neighbours that stay, so that what it decides is decided for good.
_NEEDED = (
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # flag of England: letters of a region
    f"{_PICTURE}[\ufe0e\ufe0f]?(?:\u200d(?={_PICTURE}))?",  # heart in colour, family
    "[0-9#*]\ufe0f(?=\u20e3)",  # keycap
    f"(?<={_ARABIC})\u200c(?={_ARABIC})",  # as in Persian plurals; RFC 5892 A.1
    f"(?<={_INDIC})[\u200c\u200d](?={_INDIC})",  # conjuncts; RFC 5892 A.1 and A.2
    f"(?<={_VIRAMA})[\u200c\u200d]",  # the same at the end of a word, as in Malayalam
    "(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]",  # Mongolian letter shapes
)
_LONG_RUN_OF_JOINERS = re.compile(f"([{JOINERS}]{{8}})[{JOINERS}]+")  # the flag of England needs 7
_ANY_JOINER = re.compile(f"[{JOINERS}]")
_JOINED = re.compile(f"({'|'.join(_NEEDED)})|[{JOINERS}]")


def clean(text: str) -> str:
    """Make one line that somebody typed safe to show on another's terminal.

    What separates lines or words becomes a space; other controls, escape sequences, bidirectional formats and whatever
    is invisible are dropped, except where an emoji or a script needs a joiner. Cleaning again changes nothing.
    """
    if (text.isascii() and text.isprintable()) or _ALL_PLAIN.fullmatch(text):
        return text
    # Each search for one class of characters costs a tenth of the substitution that it mostly spares.
    if _ANY_CONTROL.search(text):
        text = _without_controls(text)
    text = _ANY_HIDDEN.sub("", text)
    if _TOO_LONG_A_RUN.search(text):
        text = _LONG_RUN_OF_JOINERS.sub(r"\1", text)
        text = _cap_marks(text)
    if _ANY_JOINER.search(text):  # last, since which of them are needed depends on the neighbours that remain
        text = "".join(filter(None, _JOINED.split(text)))  # a fifth of the time of a substitution
    return text


def with_tabs_as_blanks(text: str) -> str:
    """Return a line with its tabs as blanks up to the next tab stop, or one blank each where it would get too long."""
    if "\t" not in text:
        return text
    expanded = text.expandtabs(TAB_STOP)
    return expanded if len(expanded) <= max(TEXT_MAX, len(text)) else text.replace("\t", " ")


def excerpt(text: str, limit: int = 32) -> str:
    """Return the beginning of what somebody typed, cleaned, to name it in an answer. `limit` is in characters."""
    return clean(text[: 2 * limit])[:limit]


def _without_controls(text: str) -> str:
    between = _CONTROL.split(text)
    between[1::2] = [" " if separator else "" for separator in between[1::2]]
    return "".join(between)


def _cap_marks(text: str) -> str:
    kept = []
    run = 0
    for char in text:
        kind = category(char)
        if kind[0] == "M":
            run += 1
            if run > MARKS_MAX:
                continue
        elif kind != "Cf":  # joiners, which may go: what stands on one letter is counted across them
            run = 0
        kept.append(char)
    return "".join(kept)
