import pytest


@pytest.mark.parametrize("host", ["a..b", "9" * 64, "a" * 300, ".", "xn--" + "a" * 80])
async def test_a_host_that_is_no_name_is_never_an_error_of_ours(admin, host: str, caplog) -> None:
    answer = await admin.site.ask(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert answer.split()[1] in (b"200", b"403")
    assert caplog.records == []
