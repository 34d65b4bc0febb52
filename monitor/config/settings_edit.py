"""Changing single settings in the station's configuration file, and nothing else of it.

As for a bed's region (`monitor.config.region_edit`): only the text of those settings is replaced or put in, comments
and order stay, and what comes out must be the same configuration but for these settings.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from monitor.config.file import read_config
from monitor.config.region_edit import draft_beside, put_draft, read_text, replace_file
from monitor.config.settings import StationConfig
from monitor.errors import ConfigError

__all__ = ["write_settings"]

Sections = Mapping[str, Mapping[str, str | int]]


def write_settings(config_file: Path, sections: Sections) -> None:
    """Write settings of a configuration; the file before stays beside it as `NAME.previous`.

    Args:
        config_file: The station's configuration.
        sections: Section to setting to value, plain words and numbers.

    Raises:
        ConfigError: The file cannot be written, or its form does not allow this.
    """
    config_file = config_file.resolve()
    before = read_text(config_file)
    wanted = _with(read_config(config_file), sections)
    text = before
    for section, values in sections.items():
        for name, value in values.items():
            text = _with_setting(text, section, name, str(value))
    if text == before:
        return
    draft = draft_beside(config_file, text)
    try:
        try:
            is_right = read_config(draft) == wanted
        except ConfigError:
            is_right = False
        if not is_right:
            written = yaml.safe_dump({name: dict(values) for name, values in sections.items()}, default_flow_style=True)
            raise ConfigError(
                f"the form of {config_file} does not allow to change it; write by hand: {written.strip()}"
            )
        replace_file(config_file.with_name(f"{config_file.name}.previous"), before, like=config_file)
        put_draft(draft, config_file)
    finally:
        draft.unlink(missing_ok=True)


def _with(config: StationConfig, sections: Sections) -> StationConfig:
    changed = {name: getattr(config, name).model_copy(update=dict(values)) for name, values in sections.items()}
    return config.model_copy(update=changed)


def _with_setting(text: str, section: str, name: str, value: str) -> str:
    """Return the text with one setting changed, where its form is one that is understood; else unchanged."""
    line = f"{name}: {value}"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    fields = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((field for key, field in fields if key.value == section), None)
    if node is None:
        return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{section}:\n  {line}\n"
    if not isinstance(node, yaml.MappingNode) or not node.value:
        return text
    for key, field in node.value:
        if key.value == name:
            start, end = field.start_mark.index, field.end_mark.index
            return text[:start] + value + text[end:] if isinstance(field, yaml.ScalarNode) else text
    first, _ = node.value[0]
    start = first.start_mark.index
    separator = ", " if node.flow_style else "\n" + " " * first.start_mark.column
    return f"{text[:start]}{line}{separator}{text[start:]}"
