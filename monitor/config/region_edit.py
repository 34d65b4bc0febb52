"""Changing a bed's region of interest in the station's configuration file, and nothing else of it.

Only the text of that one field is replaced or put in, so that comments, order and `${NAME}` stay as they were
written. What comes out is read again before it counts: it must be the same configuration but for this region.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import yaml

from monitor.config.file import read_config
from monitor.config.settings import RegionOfInterest, StationConfig
from monitor.config.writing import unwritable
from monitor.errors import ConfigError

__all__ = [
    "bed_node",
    "draft_beside",
    "node_end",
    "put_checked",
    "put_draft",
    "read_text",
    "replace_file",
    "write_region",
]

_FIELD = "region_of_interest"


def write_region(config_file: Path, bed_id: str, region: RegionOfInterest) -> str:
    """Write where in a bed's picture the face is searched for; the file before stays beside it as `NAME.previous`.

    Args:
        config_file: The station's configuration.
        bed_id: Which bed.
        region: Its region from now on.

    Returns:
        The text before, for `replace_file`, where the station refuses what comes out.

    Raises:
        ConfigError: The file cannot be written, does not name the bed, or its form does not allow this.
    """
    config_file = config_file.resolve()
    before = read_text(config_file)
    running = read_config(config_file)
    text = _with_region(before, bed_id, region, config_file)
    put_checked(
        config_file,
        before,
        text,
        lambda after: _is_same_but_region(running, after, bed_id, region),
        _by_hand(config_file, bed_id, region),
    )
    return before


def put_checked(
    config_file: Path,
    before: str,
    text: str,
    is_right: Callable[[StationConfig], bool],
    by_hand: str,
    *,
    says_why: bool = False,
) -> None:
    """Put an edited text in the place of a configuration's, which stays beside it as `NAME.previous`.

    Args:
        config_file: The station's configuration, links followed.
        before: Its text when it was read.
        text: From now on.
        is_right: Whether what is read from the new text is what was meant.
        by_hand: What to say where it is not.
        says_why: Whether the mistakes of a new text that is refused are what somebody can mend.

    Raises:
        ConfigError: It is not, the file was changed meanwhile, or cannot be written.
    """
    draft = draft_beside(config_file, text)
    try:
        try:
            is_meant = is_right(read_config(draft))
        except ConfigError as error:
            if says_why:
                raise ConfigError(str(error).replace(str(draft), str(config_file))) from None
            is_meant = False
        if not is_meant:
            raise ConfigError(by_hand)
        if read_text(config_file) != before:
            raise ConfigError(f"somebody else has just changed {config_file}; try again")
        replace_file(config_file.with_name(f"{config_file.name}.previous"), before, like=config_file)
        put_draft(draft, config_file)
    finally:
        draft.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Return the text of a configuration file, its line ends as they are.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"cannot read {path}; check that it exists and who may read it") from None


def replace_file(path: Path, text: str, like: Path | None = None) -> None:
    """Replace a file's text; a reader sees the old text or the new one, never a part.

    Args:
        path: The file.
        text: From now on.
        like: Whose owner and rights it gets; its own when absent.

    Raises:
        ConfigError: It cannot be written.
    """
    draft = draft_beside(like or path, text)
    try:
        put_draft(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def draft_beside(path: Path, text: str) -> Path:
    """Write a file beside `path`, with its owner and rights.

    Raises:
        ConfigError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        status = path.stat()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with suppress(PermissionError):  # only root gives files away; the group may still be ours
                os.fchown(file.fileno(), -1, status.st_gid)
                os.fchown(file.fileno(), status.st_uid, -1)
            os.fchmod(file.fileno(), status.st_mode & 0o777)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise unwritable(path, error) from None
    return draft


def put_draft(draft: Path, path: Path) -> None:
    """Put a draft in the place of its file, at once.

    Raises:
        ConfigError: That cannot be done.
    """
    try:
        draft.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None


def _by_hand(path: Path, bed_id: str, region: RegionOfInterest) -> str:
    return (
        f"the form of {path} does not allow to change bed {bed_id} alone (an alias, or beds from elsewhere); "
        f"write {_FIELD}: {_words(region)} by hand and reload it"
    )


def _words(region: RegionOfInterest) -> str:
    left, top, right, bottom = (f"{edge:.4f}".rstrip("0").rstrip(".") for edge in region.edges)
    return f"{{left: {left}, top: {top}, right: {right}, bottom: {bottom}}}"


def _is_same_but_region(before: StationConfig, after: StationConfig, bed_id: str, region: RegionOfInterest) -> bool:
    def without(config: StationConfig) -> StationConfig:
        beds = tuple(
            bed.model_copy(update={_FIELD: RegionOfInterest()}) if bed.id == bed_id else bed for bed in config.beds
        )
        return config.model_copy(update={"beds": beds})

    found = [bed.region_of_interest for bed in after.beds if bed.id == bed_id]
    is_region = len(found) == 1 and all(
        abs(one - other) < 1e-4 for one, other in zip(found[0].edges, region.edges, strict=True)
    )
    return is_region and without(before) == without(after)


def _with_region(text: str, bed_id: str, region: RegionOfInterest, path: Path) -> str:
    """Return the text with another region of one bed."""
    bed = bed_node(text, bed_id)
    if bed is None:
        raise ConfigError(f"{path} names no bed {bed_id}, so that its region cannot be saved there")
    words = _words(region)
    for key, value in bed.value:
        if key.value == _FIELD:
            return text[: value.start_mark.index] + words + text[node_end(value) :]
    first, _ = bed.value[0]
    if bed.flow_style:
        start = first.start_mark.index
        return f"{text[:start]}{_FIELD}: {words}, {text[start:]}"
    key, value = next((key, value) for key, value in bed.value if key.value == "id")
    line_end = text.find("\n", node_end(value))
    line_end = len(text) if line_end < 0 else line_end
    carriage = "\r" if text[:line_end].endswith("\r") else ""
    start = line_end - len(carriage)
    return f"{text[:start]}{carriage}\n{' ' * key.start_mark.column}{_FIELD}: {words}{text[start:]}"


def bed_node(text: str, bed_id: str) -> yaml.MappingNode | None:
    """Return where a configuration's text describes a bed; None where it does not."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else []:
        if key.value != "beds" or not isinstance(value, yaml.SequenceNode):
            continue
        for bed in value.value:
            if isinstance(bed, yaml.MappingNode) and any(
                name.value == "id" and str(field.value) == bed_id for name, field in bed.value
            ):
                return bed
    return None


def node_end(node: yaml.Node) -> int:
    """Return where a node's own text ends; a block's mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return node_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
