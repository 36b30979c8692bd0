import ast
from pathlib import Path

from trio_chat.exception_groups import leaf_exceptions

ROOT = Path(__file__).parents[1]


def test_the_exceptions_of_nested_groups_come_out_in_their_order() -> None:
    first, second, third = OSError(), KeyboardInterrupt(), ValueError()
    nested = BaseExceptionGroup("", [ExceptionGroup("", [ExceptionGroup("", [first])]), second, third])

    assert leaf_exceptions(nested) == [first, second, third]


def test_an_exception_alone_is_its_own_leaf() -> None:
    error = OSError()

    assert leaf_exceptions(error) == [error]


def test_no_other_module_unwraps_exception_groups() -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in ("trio_chat", "admin_api")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "exceptions"
    }

    assert users == {"trio_chat/exception_groups.py"}
