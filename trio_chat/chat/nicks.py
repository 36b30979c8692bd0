"""The rules of names: the form of a nick or a room's name, reserved nicks, and when two names count as the same.

A nick stands in place of an address, and people trust it: it must not be mistaken for another's, for the server, or for
an address, a port or an id that an operator would type.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from unicodedata import bidirectional, category, name

import msgspec

from trio_chat.chat.errors import ChatError
from trio_chat.chat.normalization import normalized
from trio_chat.chat.text import HIDDEN, JOINERS

NICK_MAX = 24

SPELLED_MAX = 4 * NICK_MAX
"""Characters of a name as somebody may spell it: each letter with three marks, as some keyboards write them.

Nothing longer is a name, and nothing longer is normalised, folded or looked at otherwise.
"""

GUEST_PREFIX = "guest-"
"""The beginning of guests' nicks, where all others are for members. Nobody can claim a name that begins so."""

_INVISIBLE = re.compile(f"[{HIDDEN}{JOINERS}]")
_KINDS = {"Lu": "L", "Ll": "L", "Lt": "L", "Lm": "L", "Lo": "L", "Nl": "L", "Mn": "M", "Mc": "M", "Nd": "D"}
_FORM = re.compile(r"[_-]*(?:LM{0,3}|D)(?:LM{0,3}|[D_-])*")  # 3 marks: Hebrew shin with its dot, a dagesh and a vowel
_PUNCTUATION = re.compile(r"[.:;,<>*]")
_RIGHT_TO_LEFT = {"R", "AL"}

# Alike in some case or font: Ian and lan, r00t and root, rnary and mary. UTS #39 has them all, i by way of its capital.
_ASCII_LOOKS = str.maketrans({"i": "l", "1": "l", "0": "o", "m": "rn"})


def check_nick(text: str) -> str:
    """Return the nick to show for what was asked for. Raises ChatError for one that is malformed or reserved."""
    nick = _plain(text)
    if fault := _fault(nick, "nick"):
        raise ChatError("bad-nick", fault)
    if not any(map(_is_letter, nick)):
        raise ChatError("bad-nick", "a nick needs a letter: a number could be taken for somebody's port")
    if (why := _why_reserved(nick)) is not None:
        raise ChatError("reserved-nick", f"the nick {nick} is reserved{why}")
    return nick


def bare_name(label: str) -> str:
    """Return the name in what somebody typed for a person: `[alice]`, `@alice`, `alice:` or `alice,`."""
    return label.removeprefix("@").rstrip(":,").removeprefix("[").removesuffix("]")


def is_guest_name(nick: str) -> bool:
    """Tell whether a nick begins as those of guests do, in any spelling."""
    return fold_name(nick).startswith(fold_name(GUEST_PREFIX))


def guest_name(nick: str) -> str:
    """Return the nick of a guest for a well-formed one. Raises ChatError where it is too long for that."""
    if is_guest_name(nick):
        return nick
    most = NICK_MAX - len(GUEST_PREFIX)
    if len(nick) > most:
        raise ChatError("bad-nick", f"the nick of a guest has at most {most} characters here")
    return check_nick(GUEST_PREFIX + nick)


def name_of_guest(nick: str) -> str:
    """Return the name that a guest asked for: what it can claim."""
    is_guest = nick.lower().startswith(GUEST_PREFIX) and len(nick) > len(GUEST_PREFIX)
    return nick[len(GUEST_PREFIX) :] if is_guest else nick


def is_nick(text: str) -> bool:
    """Tell whether a nick could look like this. Anything longer than NICK_MAX could not."""
    if len(text) > NICK_MAX:
        return False
    nick = normalized("NFKC", text)
    return _fault(nick, "nick") is None and any(map(_is_letter, nick))


def check_room(text: str) -> str:
    """Return a room's name, in small letters and without the `#` that it may be given with.

    Raises ChatError for a malformed one.
    """
    room = _plain(_plain(text).casefold()).removeprefix("#")
    if fault := _fault(room, "room's name"):
        raise ChatError("bad-room", fault)
    return room


def fold_name(nick: str) -> str:
    """Return the key that all spellings of a name share: in any case and width, with look-alikes of any alphabet.

    It is the skeleton of UTS #39, section 4, made blind to case; for comparing, never for showing. A text that is too
    long for a name is returned as it is: nobody has that key.
    """
    if len(nick) > SPELLED_MAX:
        return nick
    key = normalized("NFD", _INVISIBLE.sub("", normalized("NFKC", nick)).casefold())
    if not key.isascii():
        key = key.replace("i\u0307", "i")  # the Turkish capital with a dot, made small, has that dot twice
        key = normalized("NFD", "".join(map(_look, key)))
    return key.translate(_ASCII_LOOKS)


def _plain(text: str) -> str:
    """Replace fullwidth and mathematical letters by the plain ones that they look like; a text too long stays."""
    return text if len(text) > SPELLED_MAX else normalized("NFKC", text)


def _fault(nick: str, noun: str) -> str | None:
    """Say what is wrong with the form of a name."""
    if not 0 < len(nick) <= NICK_MAX or not _FORM.fullmatch("".join(map(_kind, nick))):
        return f"a {noun} is made of letters, digits, - and _, and has 1 to {NICK_MAX} of them"
    if _mixes_directions(nick):
        return f"a {noun} cannot mix right-to-left with left-to-right letters, or begin right-to-left with a digit"
    if _mixes_greek(nick):
        return f"a {noun} cannot mix Greek letters with others"
    if _imitates_punctuation(nick):
        return f"a {noun} cannot mix letters that look like punctuation with others"
    return None


def _kind(char: str) -> str:
    return "?" if _INVISIBLE.match(char) else _KINDS.get(category(char), char)


def _mixes_directions(nick: str) -> bool:
    """Tell whether it could be drawn in the order of another nick; RFC 5893, section 2, rules 1 to 5."""
    directions = set(map(bidirectional, nick))
    if directions.isdisjoint(_RIGHT_TO_LEFT):
        return False
    return "L" in directions or bidirectional(nick[0]) not in _RIGHT_TO_LEFT


def _mixes_greek(nick: str) -> bool:
    """Tell whether Greek letters stand beside others.

    Two of them, small, look like v and u; capital, like N and Y. No key that is blind to case can have it both ways: it
    takes them by their capitals, and Greek letters keep to themselves.
    Trade-off: a name all in small Greek that looks like a Latin one with v or u has another key.
    """
    return len({name(char, "").startswith("GREEK ") for char in nick if char.isalpha()}) > 1


def _imitates_punctuation(nick: str) -> bool:
    """Tell whether it could be read as an address, as 127.0.0.1 with the tone letters of Lisu for dots."""
    letters = filter(str.isalpha, nick)
    return bool(_PUNCTUATION.search(fold_name("".join(letters)))) and any(map(str.isascii, nick))


def _is_letter(char: str) -> bool:
    """Tell whether it is a letter and looks like one; a letter of Cherokee looks like 4."""
    return char.isalpha() and fold_name(char)[0].isalpha()


def _why_reserved(nick: str) -> str | None:
    """Tell why a nick is reserved, as the end of a sentence: it looks like the server, an operator, everyone or an id.

    -> None where it is not reserved; "" where it is plain to see.
    """
    if fold_name(nick[0]) == "c" and nick[1:].isdecimal():
        return ": it could be the id of a client"
    word = _RESERVED.get(_bare(fold_name(nick)))
    if word is None or ("i" not in word and "i" in nick):  # Ali has the key of all, but does not look like it
        return None
    return "" if _bare(nick.casefold()) == _bare(word) else f": it looks like {word}"


def _bare(key: str) -> str:
    return key.replace("-", "").replace("_", "")


_RESERVED = {
    _bare(fold_name(word)): word
    for word in (
        *("server", "system", "console", "service", "trio", "trio-chat"),
        *("admin", "admins", "administrator", "sysadmin", "sysop", "root", "superuser", "operator", "op"),
        *("moderator", "mod", "support", "staff"),
        *("you", "me", "everyone", "everybody", "all", "here", "nobody"),
    )
}


@lru_cache(maxsize=4096)  # of a million characters that somebody could ask about
def _look(small: str) -> str:
    """Return what a small letter looks like: what its capital does if that is ASCII, else what it does itself."""
    skeletons = _skeletons()
    capital = _skeleton(small.upper(), skeletons)
    return (capital if capital.isascii() else _skeleton(small, skeletons)).casefold()


def _skeleton(text: str, skeletons: Mapping[int, str]) -> str:
    """Return the skeleton: looked up twice, since with this data parts of a prototype may have a prototype."""
    for _ in range(2):
        text = normalized("NFD", normalized("NFD", text).translate(skeletons))
    return text


class _Twin(msgspec.Struct):
    """A character or more that another looks like; their names, which the file has too, are left out."""

    c: str


@cache
def _skeletons() -> dict[int, str]:
    """Read the prototype of each character that has one. It takes 15 ms: only names beyond ASCII wait for it, once.

    The module of the library would take three times as long, import an HTTP client and keep 10 MB.
    """
    data = files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    data = data.replace(b"\\u200e", b"")  # written around letters that run from right to left
    twins = msgspec.json.decode(data, type=dict[str, list[_Twin]])
    return {ord(char): _prototype(char, twins) for char in twins if len(char) == 1}


def _prototype(char: str, twins: Mapping[str, list[_Twin]]) -> str:
    """Return the prototype of a character.

    The file has each pair both ways, so that what mapped to one prototype is a star around it now. Of a lone pair
    either will do, the higher is more often a letter; but several characters are always the prototype.
    """
    if len(twins[char]) > 1:
        return char
    twin = twins[char][0].c
    return twin if len(twin) > 1 or len(twins[twin]) > 1 else max(char, twin)
