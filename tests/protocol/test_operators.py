"""What operators do to a running server, and what is left of it after a restart."""


def test_a_ban_holds_after_a_restart_and_so_does_the_audit(start) -> None:
    server = start()
    alice = server.join()
    server.type("ban 127.0.0.1 rude")
    server.console(r"^Banned 127\.0\.0\.1; 1 kicked$")
    assert b"you were kicked" in alice.rest()
    assert server.stop() == 0

    server = start()
    outcast = server.connect()

    assert outcast.rest() == b"*** you are banned: rude ***\n"
    server.type("audit")
    server.console(r"UTC  console  ban  127\.0\.0\.1 \(1 kicked\): rude$")
    server.type("unban 127.0.0.1")
    server.console(r"^Unbanned 127\.0\.0\.1$")
    server.join()
