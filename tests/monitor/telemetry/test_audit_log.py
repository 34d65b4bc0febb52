"""The audit log: complete, in order, and any change of it found."""

import errno
import io
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis_server import wait_until

from monitor.clock import ManualClock
from monitor.commands.audit import command
from monitor.telemetry import audit_log
from monitor.telemetry.audit_log import AuditLog, verify_audit_log


def write(directory: Path, count: int, **options: object) -> None:
    log = AuditLog(directory, ManualClock(), **options)  # type: ignore[arg-type]
    log.start()
    for number in range(count):
        log.note("alert", {"alert": {"detail": f"number {number}, a pain sign ä"}})
    log.stop()


def lines(directory: Path) -> list[dict[str, object]]:
    files = [*sorted(directory.glob("audit-*.jsonl")), directory / "audit.jsonl"]
    return [json.loads(line) for path in files if path.exists() for line in path.read_text("utf-8").splitlines()]


def test_nothing_is_limited_and_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    write(tmp_path, 500)
    write(tmp_path, 500)
    report = verify_audit_log(tmp_path)
    assert (report.records, report.first_number, report.last_number, report.problems) == (1000, 1, 1000, [])
    assert report.last_hash == lines(tmp_path)[-1]["hash"]
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_files_are_rotated_and_the_oldest_removed(tmp_path: Path) -> None:
    for _ in range(8):
        write(tmp_path, 20, maximum_bytes=2000, files_kept=3)
    assert len(list(tmp_path.glob("audit-*.jsonl"))) == 3
    report = verify_audit_log(tmp_path, files_kept=3)
    assert (report.problems, report.last_number) == ([], 160)
    assert report.first_number == 160 - report.records + 1 > 1


@pytest.mark.parametrize("files_kept", [1, 100])
def test_a_file_that_is_closed_or_removed_while_the_log_is_checked_is_no_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files_kept: int
) -> None:
    for _ in range(2):
        write(tmp_path, 20, maximum_bytes=2000)
    write(tmp_path, 2)
    listed = audit_log._files
    wanted = [True]

    def files(directory: Path) -> list[Path]:
        found = list(listed(directory))
        if wanted and wanted.pop():  # the station writes on once the names are read
            for _ in range(2):
                write(directory, 20, maximum_bytes=2000, files_kept=files_kept)
        return found

    with monkeypatch.context() as running:
        running.setattr(audit_log, "_files", files)
        report = verify_audit_log(tmp_path, files_kept)
    assert (report.last_number, report.problems) == (82, [])


def test_a_torn_line_breaks_no_chain(tmp_path: Path) -> None:
    write(tmp_path, 3)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes() + b'{"n":4,"at":"20')
    write(tmp_path, 2)
    report = verify_audit_log(tmp_path)
    assert (report.records, report.last_number, report.torn_lines, report.problems) == (5, 5, 1, [])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_change_of_a_record_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("audit")
    write(directory, 6)
    path = directory / "audit.jsonl"
    texts = path.read_text("utf-8").splitlines()
    index = data.draw(st.integers(0, 4))
    change = data.draw(st.sampled_from(["remove", "edit", "swap", "repeat", "insert"]))
    if change == "remove":
        del texts[index]
    elif change == "edit":
        record = json.loads(texts[index])
        record[data.draw(st.sampled_from(["at", "event", "n", "previous", "extra", "hash"]))] = "changed"
        texts[index] = json.dumps(record, separators=(",", ":"))
    elif change == "swap":
        texts[index], texts[index + 1] = texts[index + 1], texts[index]
    elif change == "repeat":
        texts.insert(index, texts[index])
    else:
        texts.insert(index, json.dumps({"n": index + 1, "event": "alert", "previous": "0" * 64, "hash": "1" * 64}))
    path.write_text("\n".join(texts) + "\n", "utf-8")
    assert verify_audit_log(directory).problems


def log_without_a_disk(directory: Path, capacity: int, records: int) -> AuditLog:
    """Return a running log that has met a disk which takes nothing, until the file at `directory` is gone."""
    directory.write_text("a file stands in the way")
    log = AuditLog(directory, ManualClock(), capacity=capacity)
    log.start()
    for number in range(records):
        log.note("alert", {"number": number})
    wait_until(lambda: log._fault is not None, 10)
    return log


def test_a_disk_that_takes_nothing_holds_nobody_up_and_gets_it_later(tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    log = log_without_a_disk(directory, capacity=10, records=15)
    directory.unlink()
    wait_until((directory / "audit.jsonl").exists, 10)
    log.stop()
    written = lines(directory)
    assert [record.get("count") for record in written][:1] == [5]
    assert [record["number"] for record in written[1:]] == list(range(5, 15))
    assert verify_audit_log(directory).problems == []


@pytest.mark.parametrize("is_back", [True, False])
def test_what_waits_for_the_disk_at_the_end_is_tried_once_more_or_said_to_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_back: bool
) -> None:
    directory = tmp_path / "audit"
    log = log_without_a_disk(directory, capacity=2, records=3)
    if is_back:
        directory.unlink()
    log.stop()
    if is_back:
        assert [record.get("number") for record in lines(directory)] == [None, 1, 2]
    said = f"3 records cannot be written to {directory / 'audit.jsonl'} and will be missing in it"
    assert (said in caplog.messages) != is_back


def test_what_a_full_disk_took_in_part_is_not_there_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = threading.Event()
    whole = audit_log._write_all

    def write_all(file: io.FileIO, content: bytes) -> None:
        if full.is_set():
            whole(file, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(file, content)

    monkeypatch.setattr(audit_log, "_write_all", write_all)
    write(tmp_path, 2)
    full.set()
    log = AuditLog(tmp_path, ManualClock())
    for number in range(6):
        log.note("alert", {"number": number})
    log.start()
    wait_until(lambda: log._fault is not None, 10)
    full.clear()
    wait_until(lambda: log._fault is None, 10)
    log.stop()
    assert [record["number"] for record in lines(tmp_path)[2:]] == list(range(6))
    report = verify_audit_log(tmp_path)
    assert (report.records, report.torn_lines, report.problems) == (8, 0, [])


def test_a_file_that_cannot_be_closed_repeats_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(self: Path, _target: Path) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "rename", rename)
    log = AuditLog(tmp_path, ManualClock(), maximum_bytes=10)
    log.start()
    log.note("alert", {"number": 0})
    wait_until(lambda: log._fault is not None, 10)
    log.note("alert", {"number": 1})
    wait_until(lambda: lines(tmp_path)[-1]["number"] == 1, 10)
    log.stop()
    assert [record["number"] for record in lines(tmp_path)] == [0, 1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no record: it was emptied, or is no audit log"),
        (None, "holds no record: it was emptied, or is no audit log"),
        ("[" * 200_000 + "\n", "holds no record: it was emptied, or is no audit log"),
        ("headless", "the records before number 3 are missing"),
    ],
    ids=["emptied", "another-directory", "brackets", "headless"],
)
def test_an_emptied_or_headless_log_is_not_whole(tmp_path: Path, content: str | None, problem: str) -> None:
    write(tmp_path, 4)
    path = tmp_path / "audit.jsonl"
    if content is None:
        path.unlink()
    else:
        headless = "".join(path.read_text("utf-8").splitlines(keepends=True)[2:])
        path.write_text(headless if content == "headless" else content, "utf-8")
    done = CliRunner().invoke(command, ["--directory", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 1
    assert problem in done.output
    assert "the chain is BROKEN" in done.output


def test_the_command_says_whether_the_chain_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 3)
    done = CliRunner().invoke(command, ["--directory", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 0
    assert "3 records, number 1 to 3; the chain is whole" in done.output
    path = tmp_path / "audit.jsonl"
    path.write_text(path.read_text("utf-8").replace("number 1", "number 7"), "utf-8")
    done = CliRunner().invoke(command, ["--directory", str(tmp_path), "--json"], standalone_mode=False)
    assert done.return_value == 1
    assert json.loads(done.output)["problems"] == ["audit.jsonl line 2: the record was changed"]
