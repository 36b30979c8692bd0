import pytest

from trio_chat.text_width import text_width


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("hello", 5), ("héllo", 5), ("e\u0301", 1), ("安德烈", 6), ("🙂!", 3)]
)
def test_the_width_of_a_text_is_the_columns_that_it_takes(text: str, columns: int) -> None:
    assert text_width(text) == columns
