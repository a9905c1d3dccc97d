"""The [agent] table: what is taken, what is refused, and that faults are named without their values."""

from __future__ import annotations

from typing import Any

import pytest

from versiqiid.agent.settings import AgentSettings, read_settings
from versiqiid.errors import InvalidSetting


def table(**file: Any) -> dict[str, Any]:
    return {"environment": "prod/eu", "targets": [{"target": "av", "files": [{"destination": "/etc/av.json"} | file]}]}


def test_nothing_set_is_idle_and_says_why() -> None:
    """The defaults are an idle agent under the host's own name."""
    settings = read_settings({})
    assert settings.host
    assert "environment" in settings.idle_reason
    assert "targets" in read_settings({"environment": "prod"}).idle_reason
    assert read_settings(table()).idle_reason == ""


def test_dashes_and_underscores_are_the_same_name() -> None:
    """The file uses the names of the flags."""
    settings = read_settings(table(**{"reload": ["true"], "reload-timeout-s": 3}))
    assert settings.targets[0].files[0].reload_timeout_s == 3
    with pytest.raises(InvalidSetting, match="set twice"):
        read_settings(table(**{"reload-timeout-s": 3, "reload_timeout_s": 3}))


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ({"chekc": ["x"]}, r"agent\.targets\[0\]\.files\[0\]\.chekc: unknown setting; did you mean 'check'"),
        ({"mode": "0999"}, "mode"),
        ({"mode": 640}, "mode"),
        ({"mode": "0644\n"}, "mode"),
        ({"destination": "etc/av"}, "absolute"),
        ({"destination": "/etc/../shadow"}, "absolute"),
        ({"name": "a/b"}, "name"),
        ({"format": "xml"}, "format"),
        ({"format": "template"}, "template"),
        ({"template": "/t"}, "template"),
        ({"check": ["true"]}, "{staged}"),
        ({"check": []}, "check"),
        ({"reload": "systemctl reload av"}, "reload"),
        ({"reload_timeout_s": 0}, "reload_timeout_s"),
        ({"probe": {}}, "exactly one"),
        ({"probe": {"command": ["x"], "tcp": "a:1"}}, "exactly one"),
        ({"probe": {"tcp": "a"}}, "tcp"),
        ({"probe": {"tcp": "a:65536"}}, "tcp"),
        ({"probe": {"tcp": "a:0"}}, "tcp"),
        ({"probe": {"http": "http://a:65536/"}}, "http"),
        ({"probe": {"command": ["x"], "status": 200}}, "http"),
        ({"probe": {"http": "ftp://x"}}, "http"),
        ({"generations": -1}, "generations"),
    ],
)
def test_a_wrong_file_setting_is_named(file: dict[str, Any], named: str) -> None:
    """Each fault names its place."""
    with pytest.raises(InvalidSetting, match=named):
        read_settings(table(**file))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"environment": "prod//eu"}, "environment"),
        ({"host": "a b"}, "host"),
        ({"hots": "x"}, "hots"),
        ({"environment": None}, "environment is missing"),
        ({"session_ttl_s": 1}, "session_ttl_s"),
    ],
)
def test_a_wrong_agent_setting_is_named(changes: dict[str, Any], named: str) -> None:
    """Also on the top level."""
    with pytest.raises(InvalidSetting, match=named):
        read_settings(table() | changes)


def test_no_value_is_quoted() -> None:
    """A secret in the wrong place must not end in a log."""
    with pytest.raises(InvalidSetting) as raised:
        read_settings(table(mode="hunter2", owner=["hunter2"]) | {"host": "hunter2 x"})
    assert "hunter2" not in str(raised.value)


def test_one_destination_belongs_to_one_file() -> None:
    """Two files on one path would fight for ever; the same binding in two formats is fine."""
    two = table()
    two["targets"][0]["files"].append({"destination": "/etc/av.json"})
    with pytest.raises(InvalidSetting, match="named twice"):
        read_settings(two)
    two["targets"][0]["files"][1]["destination"] = "/etc/av.env"
    assert len(read_settings(two).targets[0].files) == 2


@pytest.mark.parametrize(
    "version", [{}, {"command": ["x"], "file": "/x"}, {"pattern": "x"}, {"command": ["x"], "pattern": "("}]
)
def test_version_is_found_in_one_way(version: dict[str, Any]) -> None:
    """One way, and a pattern with one group."""
    wrong = table()
    wrong["targets"][0]["version"] = version
    with pytest.raises(InvalidSetting, match="version"):
        read_settings(wrong)


def test_the_daemons_folder_is_a_default(tmp_path: Any) -> None:
    """A folder in the table wins over the daemon's."""
    assert AgentSettings().in_folder(tmp_path).data_dir == tmp_path
    assert AgentSettings(data_dir="/x").in_folder(tmp_path).data_dir == AgentSettings(data_dir="/x").data_dir
