"""YAML whose mappings give no key twice: the loader drops the first of two without a word."""

from pathlib import Path

import yaml

from monitor.errors import ConfigError

__all__ = ["load_unique"]


def load_unique(text: str, path: Path) -> object:
    """Return what a text in YAML holds.

    Args:
        text: The text.
        path: Where it comes from, for messages.

    Raises:
        ConfigError: A mapping gives a key twice.
        yaml.YAMLError: It is no YAML; a date or number that there is none of is a `ValueError`.
        RecursionError: It is nested too deeply.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        twice = _key_given_twice(root)
        if twice is not None:
            name, line, first = twice
            raise ConfigError(f"{path}:{line}: {name}: given twice, first in line {first}; keep one")
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _key_given_twice(root: yaml.Node) -> tuple[str, int, int] | None:
    """Return a key that a mapping holds twice, its line and the first one's; None where there is none."""
    waiting = [root]
    seen: set[int] = set()  # an alias leads to its anchor's node, and may lead to itself
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            first_lines: dict[tuple[str, str], int] = {}
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in first_lines:
                    return key.value, line, first_lines[name]
                first_lines[name] = line
            waiting += [value for _, value in reversed(node.value)]
    return None
