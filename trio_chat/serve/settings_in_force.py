"""The settings with which a server runs, and where each value came from. A reload changes those that are live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from trio_chat.config import DEFAULT_SOURCE, ServeSettings, Setting, settings_of


@dataclass(slots=True)
class SettingsInForce:
    """The settings of a running server. `sources` are by name; a setting that is not there has its default."""

    settings: ServeSettings
    sources: Mapping[str, str] = field(default_factory=dict)

    def apply(self, new: ServeSettings, sources: Mapping[str, str]) -> None:
        """Take over the live settings among new ones; the others wait for a restart."""
        live = [setting.name for setting in settings_of(ServeSettings) if setting.is_live]
        self.settings = msgspec.structs.replace(self.settings, **{name: getattr(new, name) for name in live})
        kept = {name: source for name, source in self.sources.items() if name not in live}
        self.sources = kept | {name: source for name, source in sources.items() if name in live}

    def rows(self) -> Iterator[tuple[Setting, str, str]]:
        """Yield each setting with its value, as people read it, and its source. Secrets are not shown."""
        for setting in settings_of(ServeSettings):
            value = setting.show(getattr(self.settings, setting.name))
            yield setting, value, self.sources.get(setting.name, DEFAULT_SOURCE)
