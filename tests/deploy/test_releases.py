"""Releases side by side: install, upgrade, roll back and remove, in a root of its own with small programs."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]

INSTALL = Path(__file__).resolve().parents[2] / "deploy" / "install-station.sh"
PROGRAM = """
import sys
def main():
    words = sys.argv[1:]
    if words[:1] == ["check"]:
        text = open(words[1]).read()
        print("is right" if "wrong" not in text else "a mistake")
        sys.exit("wrong" in text)
    print("{version}" if words == ["--version"] else "completion")
"""
METADATA = "Metadata-Version: 2.1\nName: nicu-pain-monitor\nProvides-Extra: web"
# Notes what is asked of it, kills the installer where a test wants it, and fails to restart a release that is broken.
SYSTEMCTL = """#!/bin/sh
echo "$@" >>"$NICU_ROOT/calls"
if rm "$NICU_ROOT/cut-at-$1" 2>/dev/null; then kill -KILL "$PPID"; fi
if [ "$1" = restart ] && [ "$("$NICU_ROOT/opt/nicu-monitor/bin/nicu-monitor" --version)" = 3.0 ]; then exit 1; fi
if [ "$1" = restart ] && [ -e "$NICU_ROOT/nothing-starts" ]; then exit 1; fi
"""


def wheel(directory, version):
    """Write a wheel of a small program of this version."""
    info = f"nicu_pain_monitor-{version}.dist-info"
    files = {
        "small_monitor.py": PROGRAM.format(version=version),
        f"{info}/METADATA": f"{METADATA}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nnicu-monitor = small_monitor:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    directory.mkdir(parents=True)
    with zipfile.ZipFile(directory / f"nicu_pain_monitor-{version}-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


@pytest.fixture
def bundle(tmp_path):
    """Make an offline bundle of a version."""

    def make(version):
        directory = tmp_path / f"bundle-{version}"
        wheel(directory / "wheels", version)
        for model in ("retinaface", "face-actions"):
            (directory / "models" / model).mkdir(parents=True)
            (directory / "models" / model / "bundle.json").write_text("{}")
        python = subprocess.run(
            ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        (directory / "python-version").write_text(python.stdout)
        (directory / "nicu-monitor.service").write_text(f"[Service]\n# {version}\n")
        (directory / "example.yaml").write_text("spool:\n  directory: state  # here\n")
        shutil.copy(INSTALL, directory)
        return directory / INSTALL.name

    return make


class Machine:
    def __init__(self, root):
        self.root = root
        (root / "run" / "systemd" / "system").mkdir(parents=True)
        (root / "tools").mkdir()
        (root / "tools" / "systemctl").write_text(SYSTEMCTL)
        (root / "tools" / "systemctl").chmod(0o755)
        self.config = root / "etc" / "nicu" / "station.yaml"
        self.unit = root / "etc" / "systemd" / "system" / "nicu-monitor.service"

    def run(self, script, *options, umask=-1):
        path = f"{self.root / 'tools'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "NICU_ROOT": str(self.root), "PATH": path}
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [str(script), *options], env=environment, capture_output=True, text=True, timeout=200, check=False,
            umask=umask,
        )  # fmt: skip

    def version(self):
        link = self.root / "usr" / "local" / "bin" / "nicu-monitor"
        return subprocess.run([str(link), "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def calls(self):
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def releases(self):
        return [one for one in (self.root / "opt" / "nicu-monitor-releases").iterdir() if not one.is_symlink()]


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the installer takes the distribution's Python")
def test_a_station_is_upgraded_rolled_back_and_removed(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    first, second, third = (bundle(version) for version in ("1.0", "2.0", "3.0"))

    refused = machine.run(first, "--upgrade")
    assert (refused.returncode, "no station is installed" in refused.stderr) == (3, True)
    assert machine.run(first, "--rollback").returncode == 3
    done = machine.run(first)
    assert done.returncode == 0, done.stderr
    assert machine.version() == "1.0"
    assert "directory: /var/lib/nicu/state" in machine.config.read_text()
    assert machine.calls() == ["daemon-reload", "enable --quiet nicu-monitor"]
    assert "no release before" in machine.run(first, "--rollback").stderr

    machine.config.write_text("our: own\n")
    done = machine.run(second, "--upgrade")
    assert done.returncode == 0, done.stderr
    assert machine.version() == "2.0"
    assert machine.config.read_text() == "our: own\n"
    assert machine.calls() == ["daemon-reload", "restart nicu-monitor"]
    assert "# 2.0" in machine.unit.read_text()

    assert machine.run(second, "--rollback").returncode == 0
    assert machine.version() == "1.0"
    assert "# 1.0" in machine.unit.read_text()
    assert machine.run(second, "--rollback").returncode == 0  # and forward again
    assert machine.version() == "2.0"
    assert machine.calls() == ["daemon-reload", "restart nicu-monitor"] * 2

    # A release whose service does not come up is left by itself.
    undone = machine.run(third, "--upgrade")
    assert (undone.returncode, "the upgrade was undone" in undone.stderr) == (3, True)
    assert machine.version() == "2.0"
    assert "# 2.0" in machine.unit.read_text()
    assert machine.calls() == ["daemon-reload", "restart nicu-monitor"] * 2
    assert machine.run(second, "--rollback").returncode == 0  # to the one before, not to the one that failed
    assert machine.version() == "1.0"
    assert machine.run(second, "--rollback").returncode == 0
    machine.calls()

    # One whose program does not take the configuration never begins.
    machine.config.write_text("wrong: yes\n")
    before = machine.releases()
    stopped = machine.run(third, "--upgrade")
    assert stopped.returncode == 1
    assert "a mistake" in stopped.stdout
    assert (machine.version(), machine.releases(), machine.calls()) == ("2.0", before, [])

    state = machine.root / "var" / "lib" / "nicu"
    state.mkdir(parents=True)
    gone = machine.run(first, "--uninstall")
    assert gone.returncode == 0, gone.stderr
    assert "configuration, users and state stay" in gone.stdout
    assert machine.calls() == ["disable --now --quiet nicu-monitor", "daemon-reload"]
    left = {str(path.relative_to(machine.root)) for path in machine.root.rglob("*nicu*")}
    assert left == {"etc/nicu", "var/lib/nicu"}
    assert machine.run(first, "--uninstall").returncode == 3


def test_a_station_that_runs_with_no_release_is_said_to_stand_still(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    first, second = bundle("1.0"), bundle("2.0")
    assert machine.run(first).returncode == 0
    (machine.root / "nothing-starts").touch()
    undone = machine.run(second, "--upgrade")
    assert (undone.returncode, "the station does NOT run" in undone.stderr) == (3, True)
    assert machine.version() == "1.0"
    assert "no release before" in machine.run(second, "--rollback").stderr
    (machine.root / "nothing-starts").unlink()
    assert machine.run(second, "--upgrade").returncode == 0
    (machine.root / "nothing-starts").touch()
    back = machine.run(second, "--rollback")
    assert (back.returncode, "the station does NOT run" in back.stderr) == (3, True)


def test_a_unit_that_was_changed_here_stays_and_is_named(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    first, second = bundle("1.0"), bundle("2.0")
    assert machine.run(first).returncode == 0
    machine.unit.write_text("[Service]\nEnvironment=TZ=America/Sao_Paulo\n")
    for options in (("--upgrade",), ("--rollback",)):
        done = machine.run(second, *options)
        assert done.returncode == 0, done.stderr
        assert "was changed here and stays" in done.stdout
        assert "systemctl edit" in done.stdout
        assert "Sao_Paulo" in machine.unit.read_text()


def test_a_unit_from_before_units_were_kept_comes_back_with_its_release(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    first, second = bundle("1.0"), bundle("2.0")
    assert machine.run(first).returncode == 0
    [release] = machine.releases()
    (release / "share" / "nicu-pain-monitor" / "nicu-monitor.service").unlink()
    machine.unit.write_text("[Service]\n# of old\n")
    done = machine.run(second, "--upgrade")
    assert "if you changed it, move your settings" in done.stdout
    assert "# 2.0" in machine.unit.read_text()
    assert machine.run(second, "--rollback").returncode == 0
    assert "# of old" in machine.unit.read_text()


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
def test_a_first_installation_that_was_cut_off_is_enabled_when_it_is_run_again(tmp_path, bundle, step):
    machine = Machine(tmp_path / "root")
    script = bundle("1.0")
    (machine.root / f"cut-at-{step}").touch()
    assert machine.run(script).returncode == -signal.SIGKILL
    machine.calls()
    done = machine.run(script)
    assert done.returncode == 0, done.stderr
    assert machine.calls() == ["daemon-reload", "enable --quiet nicu-monitor"]
    assert machine.version() == "1.0"


def test_the_service_s_user_can_read_what_root_installs_with_a_strict_umask(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    script = bundle("1.0")
    for path in (script.parent / "models").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    done = machine.run(script, umask=0o077)
    assert done.returncode == 0, done.stderr
    installed = [path for path in (machine.root / "opt").rglob("*") if not path.is_symlink()]
    assert len(installed) > 10
    needed = {path: 0o005 if path.is_dir() else 0o004 for path in installed}
    assert [path for path, mode in needed.items() if path.stat().st_mode & mode != mode] == []
    assert machine.config.stat().st_mode & 0o777 == 0o640


def test_a_station_of_the_old_layout_can_be_gone_back_to(tmp_path, bundle):
    machine = Machine(tmp_path / "root")
    old = machine.root / "opt" / "nicu-monitor"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(old)], check=True)
    script = old / "bin" / "nicu-monitor"
    script.write_text(f"#!{old}/bin/python\nimport sys\nprint('0.9' if '--version' in sys.argv else sys.prefix)\n")
    script.chmod(0o755)
    done = machine.run(bundle("1.0"), "--upgrade")
    assert done.returncode == 0, done.stderr
    assert machine.version() == "1.0"
    assert machine.run(tmp_path / "bundle-1.0" / INSTALL.name, "--rollback").returncode == 0
    assert machine.version() == "0.9"
