"""Configuration and users as `install-station.sh` leaves them: what the station's own user may do, and what it says."""

import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import RegionOfInterest
from monitor.config.file import read_config
from monitor.config.region_edit import write_region
from monitor.control.access import Role, hash_token
from monitor.errors import ConfigError
from monitor.web.users import User, read_users, write_users

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

SERVICE = 54_321
"""A user and a group that no machine has."""
ADMIN, NURSE = User("chief", Role.ADMIN, hash_token("c" * 43)), User("anna", Role.NURSE, hash_token("n" * 43))
REGION = RegionOfInterest(left=0.25)


@pytest.fixture
def installed():
    """The directory of an installed station: root's, and its group's to read, as with `install -d -m 750 -g nicu`."""
    # Not in pytest's own folders: these are closed to others again whenever another pytest begins.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        directory = Path(folder) / "nicu"
        directory.mkdir()
        yield prepared(directory)


def prepared(directory: Path) -> Path:
    os.chown(directory, 0, SERVICE)
    directory.chmod(0o750)
    file = directory / "station.yaml"
    file.write_text("beds:\n  - id: bed-1  # by the window\n    camera: {url: synthetic://calm}\n")
    os.chown(file, 0, SERVICE)
    file.chmod(0o640)
    return directory


def as_service(act: Callable[[], object]) -> None:
    """Do something in a process of the station's user; what it raises is raised here."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.setgroups([])
            os.setgid(SERVICE)
            os.setuid(SERVICE)
            act()
        except BaseException:  # noqa: BLE001 - handed to the parent
            os.write(writer, traceback.format_exc().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        problem = answer.read()
    os.waitpid(child, 0)
    assert not problem, problem


def test_the_station_reads_what_root_wrote_and_says_how_it_may_write(installed: Path) -> None:
    file, users = installed / "station.yaml", installed / "users"
    write_users(users, [ADMIN])

    def read_and_try() -> None:
        assert read_users(users).all() == (ADMIN,)
        assert [bed.id for bed in read_config(file).beds] == ["bed-1"]
        remedy = f"let it with: sudo chown {SERVICE} {installed}; or change the file by hand"
        with pytest.raises(ConfigError) as refused:
            write_users(users, [ADMIN, NURSE])
        assert str(refused.value) == f"the station may not write {users}; {remedy}"
        with pytest.raises(ConfigError) as refused:
            write_region(file, "bed-1", REGION)
        assert str(refused.value) == f"the station may not write {file}; {remedy}"

    as_service(read_and_try)
    assert sorted(path.name for path in installed.iterdir()) == ["station.yaml", "users"]


def test_the_command_that_it_names_is_enough_and_root_takes_nothing_away_again(installed: Path) -> None:
    file, users = installed / "station.yaml", installed / "users"
    write_users(users, [ADMIN])
    os.chown(installed, SERVICE, -1)

    def write_both() -> None:
        write_users(users, [ADMIN, NURSE])
        write_region(file, "bed-1", REGION)

    def read_both() -> None:
        assert len(read_users(users)) == 1
        assert read_config(file).beds[0].region_of_interest == REGION

    as_service(write_both)
    assert len(read_users(users)) == 2
    assert "# by the window" in file.read_text()
    assert {path.stat().st_mode & 0o007 for path in installed.iterdir()} == {0}, "others read nothing"
    write_users(users, [ADMIN])  # root again, on the command line
    write_region(file, "bed-1", REGION)
    as_service(read_both)
    as_service(write_both)


def test_a_users_file_of_root_alone_is_not_taken_for_a_missing_one(installed: Path) -> None:
    users = installed / "users"
    write_users(users, [ADMIN])
    users.chmod(0o600)

    def read() -> None:
        with pytest.raises(ConfigError) as refused:
            read_users(users)
        assert str(refused.value) == f"the station may not read {users}; let it with: sudo chown {SERVICE} {users}"

    as_service(read)
