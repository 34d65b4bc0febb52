"""Changing a bed's camera in the station's configuration file, and nothing else of it.

As for a bed's region (`monitor.config.region_edit`): only the settings that differ are replaced, put in or taken out,
comments and order stay, and what comes out must be the same configuration but for this camera.
"""

import json
from pathlib import Path

import yaml

from monitor.config.file import read_config
from monitor.config.region_edit import bed_node, node_end, put_checked, read_text
from monitor.config.settings import CameraSettings, StationConfig
from monitor.errors import ConfigError

__all__ = ["write_camera"]


def write_camera(config_file: Path, bed_id: str, camera: CameraSettings) -> tuple[str, str]:
    """Write a bed's camera; the file before stays beside it as `NAME.previous`.

    Args:
        config_file: The station's configuration.
        bed_id: Which bed.
        camera: From now on; a password that differs from the one in the file must lie in its `password_file`.

    Returns:
        The text before and after, for `replace_file`.

    Raises:
        ConfigError: The file cannot be written, does not name the bed, or its form does not allow this; the message
            holds nothing of the camera's login.
    """
    config_file = config_file.resolve()
    before = read_text(config_file)
    running = read_config(config_file)
    text = _with_camera(before, running, bed_id, camera, config_file)
    put_checked(
        config_file,
        before,
        text,
        lambda after: after == _changed(running, bed_id, camera),
        f"the form of {config_file} does not allow to change the camera of bed {bed_id} alone (an alias, or beds from "
        "elsewhere); write its camera by hand and reload it",
        says_why=True,
    )
    return before, text


def _changed(config: StationConfig, bed_id: str, camera: CameraSettings) -> StationConfig:
    beds = tuple(bed.model_copy(update={"camera": camera}) if bed.id == bed_id else bed for bed in config.beds)
    return config.model_copy(update={"beds": beds})


def _with_camera(text: str, running: StationConfig, bed_id: str, camera: CameraSettings, path: Path) -> str:
    """Return the text with another camera of one bed."""
    bed = bed_node(text, bed_id)
    settings = next((one.camera for one in running.beds if one.id == bed_id), None)
    node = None if bed is None else next((value for key, value in bed.value if key.value == "camera"), None)
    if settings is None or not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path} names no camera of bed {bed_id}, so that another one cannot be saved there")
    wanted = {
        name: _written(getattr(camera, name))
        for name in CameraSettings.model_fields
        if getattr(camera, name) != getattr(settings, name)
    }
    address = next((str(value.value) for key, value in node.value if key.value == "url"), "")
    if not wanted.keys().isdisjoint({"username", "password", "password_file"}) and ("@" in address or "${" in address):
        wanted["url"] = _written(camera.url)  # as it stands there it may hold the login that goes
    return _edited(text, node, wanted)


def _edited(text: str, node: yaml.MappingNode, wanted: dict[str, str | None]) -> str:
    """Return the text with some settings of a mapping changed; None takes a setting out."""
    edits: list[tuple[int, int, str]] = []
    added = dict(wanted)
    stays_until = -1  # the end of the last setting that stays, where only such follow as are taken out
    for index, (key, value) in enumerate(node.value):
        words = added.pop(key.value, "")
        if words is not None:
            stays_until = node_end(value)
            if words:
                edits.append((value.start_mark.index, stays_until, words))
        elif any(wanted.get(later.value, "") is not None for later, _ in node.value[index + 1 :]):
            edits.append((key.start_mark.index, node.value[index + 1][0].start_mark.index, ""))
        else:
            edits.append((stays_until, node_end(node.value[-1][1]), ""))
            break
    for key, _ in node.value:
        added.pop(key.value, None)
    first, _ = node.value[0]
    start, separator = first.start_mark.index, ", "
    if not node.flow_style:
        line_end = "\r\n" if "\r\n" in text else "\n"
        separator = line_end + " " * first.start_mark.column
    lines = [f"{name}: {words}{separator}" for name, words in added.items() if words is not None]
    edits.append((start, start, "".join(lines)))
    # From the end on, so that the marks before stay right; what is put in at a mark comes after what goes there.
    for begin, end, words in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
        text = text[:begin] + words + text[end:]
    return text


def _written(value: object) -> str | None:
    """Return a value as YAML has it in one line; None for one that is absent."""
    if value is None:
        return None
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False, default=_no_secret)


def _no_secret(_: object) -> str:
    raise ConfigError("a password is not written into the configuration; it belongs in a file of its own")
