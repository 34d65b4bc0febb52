"""The wheel, installed into an environment of its own far from the checkout, has all that the demo needs."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, because a build leaves folders behind."""
    source = tmp_path_factory.mktemp("source")
    for name in ("monitor", "trainer", "export"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([*build, str(out), str(source)], check=True, capture_output=True)
    [file] = out.glob("nicu_pain_monitor-*.whl")
    return file


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel; what it depends on is this one's, so that no network is needed."""
    directory = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        directory / "bin" / "python",
        "install",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*install, wheel], check=True, capture_output=True)
    # Folders that a .pth file adds come last, and their own .pth files are not read: no editable install comes along.
    [packages] = directory.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copytree(Path(sys.prefix) / "share", directory / "share")  # the imported detector
    return directory


def run(environment, directory, *words):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    program, *rest = words
    command = [environment / "bin" / program, *rest]
    return subprocess.run(command, cwd=directory, env=clean, capture_output=True, text=True, timeout=120, check=False)


def test_the_wheel_holds_what_is_no_module(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("monitor/bundles", "monitor/web/assets", "trainer/reporting/templates"):
        there = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / folder).rglob("*") if path.is_file()}
        assert there - names == set(), folder
    assert {f"{package}/py.typed" for package in ("monitor", "trainer", "export")} <= names
    assert not any(name.startswith(("tests/", "deploy/")) for name in names)


def test_every_program_of_the_wheel_answers_from_the_wheel(environment, tmp_path):
    for program in ("nicu-monitor", "nicu-trainer", "nicu-export"):
        done = run(environment, tmp_path, program, "--version")
        assert done.returncode == 0, done.stderr
    program = "import monitor, trainer, export; print(monitor.__file__, trainer.__file__, export.__file__)"
    done = run(environment, tmp_path, "python", "-c", program)
    assert all(file.startswith(str(environment)) for file in done.stdout.split()), done.stdout + done.stderr


@pytest.mark.timeout(240)
def test_the_wheel_runs_the_demo_outside_the_checkout(environment, tmp_path):
    done = run(environment, tmp_path, "nicu-monitor", "demo", "--duration", "10", "--summary", "summary.json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert all(summary["frames"][bed]["with_face"] > 0 for bed in summary["beds"])
