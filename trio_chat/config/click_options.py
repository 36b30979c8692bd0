"""Settings as options of Click, the library of the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import click
from msgspec import Struct

from trio_chat.config.loading import CONFIG_VARIABLE, ConfigError, Setting, settings_of

_Command = TypeVar("_Command", bound=Callable[..., object])

_DEFERRED = "__deferred_options__"


class _CompletedPath(click.Path):
    """A path that shells complete. It is not checked here, but where it is opened."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take any value."""
        return value


_PATHS = MappingProxyType({"FILE": _CompletedPath(), "DIR": _CompletedPath(file_okay=False)})


def setting_options(struct: type[Struct], only: Mapping[str, str] | None = None) -> Callable[[_Command], _Command]:
    """Give a command the flags of a settings class; or `only` some of them, by name, each with its help text here."""

    def decorate(command: _Command) -> _Command:
        for setting in reversed(list(settings_of(struct))):
            if setting.flag and (only is None or setting.name in only):
                command = _option(setting, only[setting.name] if only else setting.help)(command)
        return command

    return decorate


def deferred_options(struct: type[Struct], only: Mapping[str, str] | None = None) -> Callable[[_Command], _Command]:
    """Give the function of a SettingsCommand the flags of `setting_options`, made when the command is run or shown."""

    def decorate(function: _Command) -> _Command:
        vars(function)[_DEFERRED] = setting_options(struct, only)
        return function

    return decorate


def _option(setting: Setting, help_text: str) -> Callable[[_Command], _Command]:
    text = f"{help_text.replace('`', '')}  [default: {setting.default}]"
    if setting.type.is_boolean:
        return click.option(f"{setting.flag}/--no-{setting.key}", setting.name, default=None, help=text)
    return click.option(
        *setting.flags,
        setting.name,
        metavar=setting.type.metavar,
        multiple=setting.type.is_list,
        help=text,
        type=_PATHS.get(setting.type.metavar),
    )


def _expand_user(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
    """Expand a leading `~`, which the shell leaves in --config=~/x and in a variable. Raises ConfigError."""
    try:
        return file and file.expanduser()
    except RuntimeError as error:
        raise ConfigError(f"--config: there is no home folder for {str(file)!r}") from error


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    callback=_expand_user,
    metavar="FILE",
    envvar=CONFIG_VARIABLE,
    help="TOML file with any of these settings.",
)


class SettingsCommand(click.Command):
    """A command with deferred options, between its arguments and its other options.

    All commands together have some 200 options, and making them all takes 10 ms.
    """

    _has_options = False

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the arguments and options."""
        if not self._has_options:
            self._has_options = True
            place = sum(isinstance(parameter, click.Argument) for parameter in self.params)
            self.params[place:place] = _options_by(vars(self.callback)[_DEFERRED])
        return super().get_params(ctx)


def _options_by(decorate: Callable[[Callable[..., object]], Callable[..., object]]) -> list[click.Parameter]:
    return click.command("any")(decorate(lambda: None)).params


class SectionedCommand(SettingsCommand):
    """A command whose help lists the options of settings under their sections, and all others at the end."""

    settings: type[Struct]

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        section_of = {setting.name: setting.section for setting in settings_of(self.settings)}
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in section_of.values()}
        for parameter in self.get_params(context):
            if record := parameter.get_help_record(context):
                sections.setdefault(section_of.get(parameter.name or "", "Other options"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)
