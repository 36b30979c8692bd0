"""The settings in force over HTTP."""

import msgspec
from quart import Response

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.state import AdminState


class SettingView(msgspec.Struct, frozen=True):
    """A setting, its value as people read it (a secret is not shown), and where that was found.

    `is_live`: a reload applies a new value; other settings need a restart.
    """

    key: str
    value: str
    source: str
    is_live: bool
    help: str
    section: str


class SettingList(msgspec.Struct, frozen=True):
    """All settings of the server, in the order of `trio-chat serve --help`."""

    settings: list[SettingView]


@endpoint("GET /settings", Operation({200: SettingList}))
async def list_settings(state: AdminState) -> Response:
    """List the settings in force, and where each value came from."""
    rows = [
        SettingView(setting.key, value, source, setting.is_live, setting.help, setting.section)
        for setting, value, source in state.settings()
    ]
    return answer(SettingList(rows))
