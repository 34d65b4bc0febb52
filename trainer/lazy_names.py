"""Packages whose public names are loaded when they are first used (PEP 562), so that a command loads what it needs."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package: str, defined_in: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Return the `__getattr__` of a package.

    Args:
        package: Its name.
        defined_in: Module to those of its names that are names of the package, too.

    Raises:
        ValueError: A name is that of a module of the package: the import of the module would hide it.
    """
    module_of = {name: module for module, names in defined_in.items() for name in names}
    if hidden := [name for name in module_of if f"{package}.{name}" in module_of.values()]:
        raise ValueError(f"{package} cannot load {', '.join(hidden)} on demand: modules of it have the same name")

    def load(name: str) -> object:
        module = module_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
