"""The files for Docker Compose, read by the programs that they are for, as far as these can be had without images."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.haproxy import COMPOSE, PROGRAM, redis_settings
from trio_chat.config import ServeSettings, collect
from trio_chat.server.shutdown_timeouts import EXIT_S

PASSWORD = "of-the-redis"
NODES = ("node1", "node2", "node3")
PUBLISHED = {"haproxy": ["5555:5555/tcp", "127.0.0.1:8080:8080/tcp"], "grafana": ["127.0.0.1:3000:3000/tcp"]}


def run(*command: str, **environment: str) -> str:
    """Run a program. -> what it prints"""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as Docker Compose understands it, with defaults and variables filled in."""
    file = str(COMPOSE / "compose.yaml")
    return dict(yaml.safe_load(run("docker-compose", "--file", file, "config", REDIS_PASSWORD=PASSWORD)))


def test_docker_compose_wants_a_password_for_redis() -> None:
    command = ["docker-compose", "--file", str(COMPOSE / "compose.yaml"), "config", "--quiet"]

    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"REDIS_PASSWORD": ""})

    assert done.returncode != 0
    assert "set it in the file .env" in done.stderr


def test_nothing_is_published_but_the_chat_and_for_this_machine_what_operators_need(compose: dict[str, Any]) -> None:
    published = {
        name: [it if isinstance(it, str) else f"{it['published']}:{it['target']}/tcp" for it in service["ports"]]
        for name, service in compose["services"].items()
        if "ports" in service
    }

    assert published == PUBLISHED
    ways_in = {name for name, service in compose["services"].items() if "public" in service["networks"]}
    assert ways_in == PUBLISHED.keys()
    assert {name for name, network in compose["networks"].items() if not network.get("internal")} == {"public"}


def test_every_service_is_started_again_and_keeps_its_data(compose: dict[str, Any]) -> None:
    mounts = {
        name: [it.split(":")[0] for it in service["volumes"] if not it.startswith("/")]
        for name, service in compose["services"].items()
    }

    assert all(service["restart"] == "unless-stopped" for service in compose["services"].values())
    assert sorted(name for names in mounts.values() for name in names) == sorted(compose["volumes"])
    assert [name for name, volumes in mounts.items() if not volumes] == ["haproxy"]


def test_every_file_that_is_mounted_is_there(compose: dict[str, Any]) -> None:
    files = [it.split(":")[0] for service in compose["services"].values() for it in service["volumes"]]
    missing = [file for file in files if file.startswith("/") and not Path(file).is_file()]

    assert missing == []
    assert len(files) > 10


@pytest.mark.parametrize("name", NODES)
def test_the_settings_of_a_node_are_valid_and_it_may_drain_to_the_end(compose: dict[str, Any], name: str) -> None:
    node = compose["services"][name]

    settings = collect(ServeSettings, {}, node["environment"]).build(ServeSettings)

    assert settings.journal == f"redis://:{PASSWORD}@redis:6379/0?node={name}"
    assert [str(network) for network in settings.proxy] == [compose["networks"]["front"]["ipam"]["config"][0]["subnet"]]
    assert str(settings.admin_token_file) == "/run/secrets/admin-token"
    assert 0 < settings.drain + EXIT_S <= float(node["stop_grace_period"].removesuffix("s"))


def test_redis_keeps_what_anyone_has_seen_and_throws_nothing_away(compose: dict[str, Any]) -> None:
    settings = redis_settings()

    assert {settings[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")} == {
        "yes",
        "always",
        "noeviction",
    }
    assert compose["services"]["redis"]["command"][:2] == ["redis-server", "/etc/redis.conf"]


def test_haproxy_understands_its_file_and_sends_to_every_node() -> None:
    run(PROGRAM, "-c", "-f", str(COMPOSE / "haproxy.cfg"))

    servers = re.findall(r"^ +server (\S+) (\S+)", (COMPOSE / "haproxy.cfg").read_text(), re.MULTILINE)
    chat, admin = ([(name, f"{name}:{port}") for name in NODES] for port in (5555, 8080))
    assert servers == [*chat, *chat, *admin]


def test_promtool_understands_the_file_of_prometheus_which_asks_every_node() -> None:
    file = COMPOSE / "prometheus.yml"

    run("promtool", "check", "config", "--syntax-only", str(file))

    [job] = yaml.safe_load(file.read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"{name}:8080" for name in NODES]}]


def test_grafana_finds_the_dashboard_where_it_is_mounted(compose: dict[str, Any]) -> None:
    mounts = [it.split(":")[1] for it in compose["services"]["grafana"]["volumes"]]
    [provider] = yaml.safe_load((COMPOSE / "grafana" / "dashboards.yml").read_text())["providers"]
    [source] = yaml.safe_load((COMPOSE / "grafana" / "datasources.yml").read_text())["datasources"]

    assert f"{provider['options']['path']}/trio-chat.json" in mounts
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")


def test_the_image_has_what_the_journal_in_redis_needs() -> None:
    root = COMPOSE.parents[1]

    locks = re.findall(r"--require-hashes -r (\S+)", (root / "Dockerfile").read_text())

    assert any("coredis==" in (root / lock).read_text() for lock in locks)
    assert {f"!{lock}" for lock in locks} <= {*(root / ".dockerignore").read_text().split()}
