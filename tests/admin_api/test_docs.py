"""docs/admin.md has every endpoint and metric, and its examples are of endpoints that there are."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "admin.md").read_text(encoding="utf-8")


async def test_it_has_every_endpoint_as_it_is_declared(office) -> None:
    endpoints = (await office.ask("GET", "/")).json["endpoints"]

    assert "".join(f"| `{endpoint}` | {summary} |\n" for endpoint, summary in endpoints.items()) in TEXT


async def test_it_has_an_example_of_every_endpoint(office) -> None:
    examples = re.findall(r"^    curl (.*?)'?localhost:8080(/\S*)$", TEXT, flags=re.MULTILINE)
    methods = {"-X DELETE ": "DELETE", "--json": "POST"}
    shown = [(next((methods[o] for o in methods if options.startswith(o)), "GET"), path) for options, path in examples]

    for endpoint in (await office.ask("GET", "/")).json["endpoints"]:
        method, _, path = endpoint.partition(" ")
        pattern = re.compile(re.sub("<[a-z]+>", ".+", path) + r"(\?.*)?'?")
        assert any(method == asked and pattern.fullmatch(there) for asked, there in shown), endpoint


async def test_it_has_every_metric(office) -> None:
    names = re.findall(r"^# TYPE trio_chat_(\S+)", (await office.ask("GET", "/metrics")).text, flags=re.MULTILINE)

    assert [name for name in names if f"`{name}`" not in TEXT and name != "build_info"] == []
