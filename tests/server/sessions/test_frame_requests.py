"""The table of requests in frames."""

import ast
import inspect
from typing import get_args

import trio_chat.server.sessions.frame_requests
from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import NoOutlet
from trio_chat.server.sessions.frame_requests import HANDLERS, price_of
from trio_chat.wire import frames


def test_every_type_of_request_has_a_handler_and_no_handler_is_without_a_type() -> None:
    types = set(get_args(frames.AnyRequest))

    missing = {kind.__name__ for kind in types - set(HANDLERS)}
    assert missing == set(), "give the request a function and a row of HANDLERS, in frame_requests.py"
    assert {kind.__name__ for kind in set(HANDLERS) - types} == set()


def test_each_row_is_for_the_type_that_its_handler_takes() -> None:
    taken = {kind: inspect.signature(row.run).parameters for kind, row in HANDLERS.items()}

    assert {kind: [parameter.annotation for parameter in given.values()][1] for kind, given in taken.items()} == {
        kind: kind for kind in HANDLERS
    }


def test_each_handler_stands_in_the_table_once() -> None:
    tree = ast.parse(inspect.getsource(trio_chat.server.sessions.frame_requests))
    handlers = {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}

    assert {row.run.__name__ for row in HANDLERS.values()} == handlers
    assert len(HANDLERS) == len(handlers)


def test_several_lines_cost_as_much_as_each_by_itself() -> None:
    client = Client("c1", "10.0.0.1", 1001, mode=Mode.FRAMES, outlet=NoOutlet())

    assert price_of(client, frames.Say(room="lobby", lines=["x"] * 40)) == 40
    assert price_of(client, frames.Say(room="lobby", text="x")) == 1
