"""A folder to run the documentation's commands in: the repository as a newcomer sees it, and servers of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import REPOSITORY, Block
from ports import free_port

# The pictures are made by modules of deploy/, which is no installed package.
sys.path.insert(0, str(REPOSITORY))

# What a page's commands would write into a checkout goes here instead; the rest is linked.
COPIED = ("configs", "deploy")
LEFT_OUT = (".git", "build", "site", "state")


class Workplace:
    """A copy of the checkout, in which commands run.

    Args:
        directory: Where.
        replacements: What is written otherwise here: ports that others on this machine may use, durations.
    """

    def __init__(self, directory: Path, replacements: dict[str, str]) -> None:
        self.directory = directory
        self.replacements = replacements
        for entry in REPOSITORY.iterdir():
            if entry.name in LEFT_OUT:
                continue
            if entry.name in COPIED:
                shutil.copytree(entry, directory / entry.name)
            else:
                (directory / entry.name).symlink_to(entry)
        if not (directory / ".venv").exists():
            (directory / ".venv" / "bin").mkdir(parents=True)
            for program in Path(sys.executable).parent.iterdir():
                (directory / ".venv" / "bin" / program.name).symlink_to(program)
        for file in (directory / "configs").glob("*.yaml"):
            file.write_text(self.local(file.read_text(encoding="utf-8")), encoding="utf-8")

    def local(self, text: str) -> str:
        """Return a text as it is to be used here."""
        for written, here in self.replacements.items():
            text = text.replace(written, here)
        return text

    def run(self, blocks: list[Block], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the blocks of one page in one shell, as somebody would who follows the page."""
        # Job control gives every background block a process group of its own, which is stopped as a whole. What the
        # set-up would install is here already, and must not be installed again for a copy of the checkout.
        lines = [
            "set -euom pipefail",
            "stop() { for pid in $(jobs -p); do kill -- -$pid || true; wait $pid || true; done; }",
            "trap stop EXIT",
            'make() { command make --old-file=setup "$@"; }',
        ]
        for number, block in enumerate(blocks):
            lines.append(f"echo '--- line {block.line}'")
            text = self.local(block.text)
            if block.stops_others:
                lines.append("stop")
            if block.language == "sh":
                lines.append(f"{{ {text}\n}} &\nsleep 1" if block.in_background else text)
                continue
            program = sys.executable if block.language == "python" else "node"
            file = self.directory / f"example-{number}.{'py' if block.language == 'python' else 'mjs'}"
            file.write_text(text, encoding="utf-8")
            lines.append(f"{program} {file}")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", "\n".join(lines)],
            cwd=self.directory,
            env={**os.environ, "PATH": path, "HOME": str(self.directory), **environment},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )


@pytest.fixture
def workplace(tmp_path, redis_server):
    """A workplace with a real Redis; the commands' usual ports are ones that are free."""
    directory = tmp_path / "checkout"
    directory.mkdir()
    replacements = {
        "127.0.0.1:6379": f"127.0.0.1:{redis_server.port}",
        "redis-server --port 6379": f"redis-server --port {free_port()}",
        "9108": str(free_port()),
    }
    return Workplace(directory, replacements)
