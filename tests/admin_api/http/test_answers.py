"""Lists as JSON, one row a line."""

import json

import msgspec

from admin_api.http.answers import list_answer


class Row(msgspec.Struct):
    """A row of a list in these tests."""

    text: str


async def test_a_row_is_one_line_whatever_is_in_it() -> None:
    texts = ["plain", "two\nlines", "\r\n", "\u2028", "},\n{", ""]

    body = await list_answer("rows", texts, Row, total=6).get_data()

    first, *rows, last = body.split(b"\n")[:-1]
    assert (first, last) == (b'{"rows": [', b'"total":6}')
    assert rows.pop() == b"],"
    assert [json.loads(row.removesuffix(b","))["text"] for row in rows] == texts
    assert [row.endswith(b",") for row in rows] == [True] * 5 + [False]
    assert json.loads(body) == {"rows": [{"text": text} for text in texts], "total": 6}


async def test_an_empty_list_is_a_list() -> None:
    body = await list_answer("rows", [], Row).get_data()

    assert body == b'{"rows": []}\n'
