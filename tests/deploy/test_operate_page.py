"""Every command of docs/operate.md is one that exists, and those that can run here are run."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "operate.md").read_text()
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    ") and line.strip()]
# These change the machine or a cluster; what they use is tested by test_scripts and test_manifests.
NOT_HERE = ("sudo ", "kubectl ", "sha256sum ", "deploy/offline-bundle.sh ")


def test_the_page_shows_commands_and_each_file_that_they_name():
    assert len(COMMANDS) >= 8
    named = [word for command in COMMANDS for word in shlex.split(command) if word.startswith("deploy/")]
    assert all((REPOSITORY / word).exists() for word in named), named


@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith(NOT_HERE)])
def test_command(command):
    words = shlex.split(command)
    if shutil.which(words[0], path=None) is None and not (REPOSITORY / words[0]).exists():
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
