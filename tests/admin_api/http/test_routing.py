import pytest


@pytest.mark.parametrize("host", ["a..b", "9" * 64, "a" * 300, ".", "xn--" + "a" * 80])
async def test_a_host_that_is_no_name_is_never_an_error_of_ours(admin, host: str, caplog) -> None:
    answer = await admin.site.ask(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert answer.split()[1] in (b"200", b"403")
    assert caplog.records == []


@pytest.mark.parametrize(
    "path",
    [
        "//clients",
        "///clients",
        "/%2fclients",
        "/clients%2f",
        "/clients%2F",
        "/clients//",
        "/%2Fclients%2f",
        "//",
        "/%2f",
        "/health%2f",
        "/./clients",
        "/health/../clients",
        "/clients;a",
        "/clients%3f",
    ],
)
async def test_a11_a_variant_of_a_path_is_no_endpoint(admin, path: str) -> None:
    assert (await admin.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    "path", ["/clients%2f47634", "//clients/47634", "/clients/47634%2f", "/clients//47634", "/%2fclients/47634"]
)
async def test_a11_a_variant_of_a_path_kicks_nobody(admin, path: str) -> None:
    admin.connect(47634)

    assert (await admin.ask("DELETE", path)).status == 404
    assert len(admin.chat.clients) == 1


@pytest.mark.parametrize("path", ["/bans/192.0.2.0%2f24", "/bans/192.0.2.0/24", "/bans/192.0.2.0%2F24"])
async def test_a_network_may_have_its_slash_encoded(admin, path: str) -> None:
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.0/24"}')

    assert (await admin.ask("DELETE", path)).status in (200, 204)


async def test_no_functions_are_made_that_build_the_url_of_a_route(admin) -> None:
    for rule in admin.site.app.url_map.iter_rules():
        with pytest.raises(NotImplementedError, match=r"is not built"):
            rule.build({})
