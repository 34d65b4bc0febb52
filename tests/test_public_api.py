"""What other programs import from this project exists, is complete, and costs nothing until it is used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.lazy_names import lazy_names

REPOSITORY = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = ("monitor", "trainer", "export")
HEAVY = ("torch", "gi", "cv2", "redis", "onnxruntime", "numpy", "pydantic")
SLOW_TO_LOAD = ("torch", "sklearn", "scipy.stats", "scipy.optimize", "matplotlib", "pandas", "onnx", "onnxruntime")
MODULES = sorted(
    path.relative_to(REPOSITORY)
    for distribution in DISTRIBUTIONS
    for path in (REPOSITORY / distribution).rglob("*.py")
    if path.name != "__main__.py"
)


def literal_all(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            return ast.literal_eval(node.value)
    return None


def dotted(path):
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="module")
def trees():
    return {dotted(path): ast.parse((REPOSITORY / path).read_text(encoding="utf-8")) for path in MODULES}


def bound_names(tree):
    found = {getattr(node, "name", "") for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {(name.asname or name.name) for name in node.names}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_what_a_module_lists_is_there_and_once(trees):
    for module, tree in trees.items():
        listed = literal_all(tree) or []
        assert set(listed) - bound_names(tree) == set(), f"{module}.__all__ lists what is not there"
        assert len(listed) == len(set(listed)), module


def test_what_one_module_takes_from_another_is_listed_there(trees):
    unlisted = {
        f"{node.module}.{name.name}"
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in trees and node.module != module
        for name in node.names
        if f"{node.module}.{name.name}" not in trees and name.name not in (literal_all(trees[node.module]) or [])
    }
    assert unlisted == set()


def subcommand(node):
    """A part of a click group is reached through the group."""
    return any(
        isinstance(decorator, ast.Call)
        and getattr(decorator.func, "attr", "") == "command"
        and decorator.func.value.id != "click"
        for decorator in node.decorator_list
    )


def test_every_public_class_and_function_is_listed_where_it_is_defined(trees):
    unlisted = {
        f"{module}.{node.name}"
        for module, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not subcommand(node)
        and node.name not in (literal_all(tree) or [])
    }
    assert unlisted == set()


def facades():
    return [name for name in DISTRIBUTIONS if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("distribution", facades())
def test_every_public_name_can_be_used_and_is_shown(distribution):
    package = importlib.import_module(distribution)
    constants_classes_functions = [(not name.isupper(), not name[0].isupper(), name) for name in package.__all__]
    assert constants_classes_functions == sorted(constants_classes_functions)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


LAZY_PACKAGES = [
    dotted(path) for path in MODULES if path.name == "__init__.py" and "_DEFINED_IN" in (REPOSITORY / path).read_text()
]


@pytest.mark.parametrize("name", LAZY_PACKAGES)
def test_type_checkers_see_the_same_names_as_programs(name, trees):
    package = importlib.import_module(name)
    body = trees[name].body
    [guarded] = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {(node.module, alias.name) for node in guarded.body for alias in node.names}
    used = {(module, entry) for module, entries in package._DEFINED_IN.items() for entry in entries}
    at_once = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == used
    assert {entry for _, entry in used} == {entry for entry in package.__all__ if entry != "__version__"} - at_once
    assert all(getattr(package, entry) is not None for entry in package.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


def test_a_name_that_a_module_of_the_package_would_hide_cannot_be_loaded_on_demand():
    with pytest.raises(ValueError, match="cannot load recipe on demand"):
        lazy_names("trainer.models", {"trainer.models.recipe": ("recipe",)})


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_importing_a_package_loads_nothing_heavy(distribution):
    program = f"import sys, {distribution}; print(*(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("distribution", ["trainer", "export"])
def test_the_help_of_a_command_loads_no_library_that_only_its_work_needs(distribution):
    program = (
        f"import importlib, sys; from {distribution}.cli import COMMANDS\n"
        "for lazy in COMMANDS.values():\n"
        "    importlib.import_module(lazy.module)\n"
        f"    print(lazy.module, *(set({SLOW_TO_LOAD!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {module: libraries for module, *libraries in map(str.split, done.stdout.splitlines())}
    assert len(loaded) > 5
    assert not any(loaded.values()), loaded


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_help_loads_nothing_heavy(distribution):
    program = (
        "import atexit, sys; sys.argv = ['program', '--help']\n"
        f"atexit.register(lambda: print('loaded:', *(set({HEAVY!r}) & sys.modules.keys())))\n"
        f"from {distribution}.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Commands" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]
