"""docs/admin.md has every metric, and its examples are of endpoints that exist."""

import re
from pathlib import Path

from admin_api.app import ENDPOINTS

TEXT = (Path(__file__).parents[2] / "docs" / "admin.md").read_text(encoding="utf-8")


def test_its_examples_are_of_endpoints_that_exist() -> None:
    examples = re.findall(r"^    curl (.*?)'?localhost:8080(/[^\s'?]*)\S*$", TEXT, flags=re.MULTILINE)
    methods = {"-X DELETE ": "DELETE", "-X PATCH ": "PATCH", "-X PUT ": "PUT", "--json": "POST", "-d ": "POST"}

    assert len(examples) > 10
    for options, path in examples:
        method = next((methods[o] for o in methods if options.startswith(o)), "GET")
        patterns = [re.sub("<[a-z]+>", ".+", one.path) for one in ENDPOINTS if one.method == method]
        assert any(re.fullmatch(pattern, path) for pattern in patterns), (method, path)


async def test_it_has_every_metric(admin) -> None:
    names = re.findall(r"^# TYPE trio_chat_(\S+)", (await admin.ask("GET", "/metrics")).text, flags=re.MULTILINE)

    assert [name for name in names if f"`{name}`" not in TEXT and name != "build_info"] == []
