"""The lag in the status."""

from trio_chat.client.screen_view.lag import KEPT_SHOWN_S, Lag


def test_it_grows_while_a_message_waits_and_is_shown_for_a_while_when_that_is_kept() -> None:
    lag = Lag()
    lag.begin("a", 100.0)
    lag.begin("b", 101.0)
    assert lag.at(103.0) == 3.0

    lag.end("a", 104.0)
    lag.end("b", 104.0)
    assert lag.at(105.0) == 3.0
    assert lag.at(104.0 + KEPT_SHOWN_S) == 0.0


def test_what_failed_has_none_and_another_connection_begins_anew() -> None:
    lag = Lag()
    lag.begin("a", 100.0)
    lag.begin_again(150.0)
    assert lag.at(151.0) == 1.0

    lag.end("a", 160.0, is_kept=False)
    lag.end("unknown", 160.0)
    assert lag.at(160.0) == 0.0
