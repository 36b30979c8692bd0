"""`/mentions`: the lines that call somebody by name, at both doors."""

import json

from trio_chat.server.sessions.mentions import NO_MENTIONS, NO_NAME


def test_the_lines_that_call_one_are_listed(server) -> None:
    bob = server.join()
    bob.send(b"/nick bob\n")
    bob.until("now ***")
    alice = server.join()
    alice.send(b"/mentions\n")
    alice.until(f"{NO_NAME} ***")
    alice.send(b"/nick al\n/mentions\n")
    alice.until(f"{NO_MENTIONS} ***")

    bob.send(b"al: one\nalso not me\nAL, two\n/join dev\nal: elsewhere\n/join lobby\nend\n")
    alice.until("> end")
    alice.send(b"I am al myself\n/mentions\n/mentions 1\n/nick al2\n")
    first, second, _zone, newest, _now = alice.until("you are [al2] now ***")

    assert (first[17:], second[17:], newest[17:]) == ("[bob]> al: one", "[bob]> AL, two", "[bob]> AL, two")


def test_a_program_gets_them_as_a_page(server) -> None:
    bob = server.join()
    program = server.connect(b'{"type":"hello","protocol":1,"nick":"al","rooms":["lobby"]}\n')
    bob.send(b"al: one\nnot\n")
    while json.loads(program.line()).get("text") != "not":
        pass

    program.send(b'{"type":"command","room":"lobby","line":"/mentions","key":"m"}\n')
    while (page := json.loads(program.line())).get("key") != "m":
        pass

    assert [entry["text"] for entry in page["entries"]] == ["al: one"]
