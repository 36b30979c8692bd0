from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from trio_chat.client.link.reply_limits import CHARS_MAX, within_limits
from trio_chat.wire import frames

LONG = "long " * 100_000


def longest(kind: Any) -> Any:
    """Make a value of a type with every text and every list in it very long."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: longest(field.type) for field in fields})
        case msgspec.inspect.ListType(item_type=item):
            return [longest(item)] * 5000
        case msgspec.inspect.DictType(value_type=item):
            return (
                {LONG: longest(item)}
                | {str(number): longest(item) for number in range(5000)}
                | {LONG[1:]: longest(item)}
            )
        case msgspec.inspect.StrType():
            return LONG
        case msgspec.inspect.UnionType(types=types):
            return longest(types[0])
    return 1


def parts(value: Any) -> Iterator[str | list[Any]]:
    """Yield all texts and lists within a frame."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from parts(getattr(value, name))
    elif isinstance(value, list):
        yield value
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        yield from (*parts([*value]), *parts([*value.values()]))
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("kind", get_args(frames.AnyReply))
def test_m16_no_text_and_no_list_of_any_reply_is_longer_than_the_protocol_allows(kind: type) -> None:
    cut = list(parts(within_limits(longest(msgspec.inspect.type_info(kind)))))

    most = frames.PICTURE_DATA_LIMIT if kind is frames.StickerPicture else frames.TEXT_LIMIT
    assert max(map(len, cut)) <= most
    assert all(len(part) <= frames.PAGE_LIMIT for part in cut if isinstance(part, list))


def test_m16_a_page_is_its_newest_entries_up_to_so_many_characters() -> None:
    entries = [said(number, "x" * frames.TEXT_LIMIT) for number in range(1000)]

    cut = within_limits(frames.Page(entries=entries, more=False))

    count = CHARS_MAX // frames.TEXT_LIMIT
    assert cut == frames.Page(entries=entries[-count:], more=False)


def test_replies_of_our_server_stay_as_they_are() -> None:
    entry = said(1, "x" * frames.TEXT_LIMIT)

    assert within_limits(entry) == entry


def said(number: int, text: str) -> frames.Said:
    return frames.Said(id=number, room="lobby", kind="said", time=0.0, author="a", text=text)
