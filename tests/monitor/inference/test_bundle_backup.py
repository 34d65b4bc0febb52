"""A damaged bundle is replaced by the copy of itself that ran last, and by nothing else."""

import errno
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from monitor.errors import BundleError
from monitor.inference.bundle import find_bundle, read_bundle
from monitor.inference.bundle_backup import BundleBackup
from monitor.inference.manifest import BundleManifest


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(find_bundle("ncnn-demo"), tmp_path / "bundle"))


@pytest.fixture
def backup(tmp_path: Path) -> BundleBackup:
    return BundleBackup(tmp_path / "state" / "models")


def store(backup: BundleBackup, bundle: Path) -> str:
    read, why = backup.read(str(bundle), "classifier")
    assert why is None
    backup.save(read, str(bundle), "classifier")
    return read.sha256


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", ["one bit", "cut off", "manifest", "gone"])
def test_a_bundle_that_ran_is_replaced_by_its_copy(bundle, backup, harm):
    digest = store(backup, bundle)
    if harm == "gone":
        shutil.rmtree(bundle)
    elif harm == "manifest":
        (bundle / "bundle.json").write_text("{", encoding="utf-8")
    elif harm == "cut off":
        os.truncate(bundle / "model.onnx", 1000)
    else:
        damage(bundle / "model.onnx")
    copy, why = backup.read(str(bundle), "classifier")
    assert copy.sha256 == digest
    assert "missing or damaged" in why


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_bundle_that_cannot_be_looked_at_is_replaced_by_its_copy(bundle, backup, number, monkeypatch):
    digest = store(backup, bundle)
    original = Path.is_file

    def is_file(path: Path) -> bool:
        if path.is_relative_to(bundle):
            raise OSError(number, os.strerror(number), str(path))
        return original(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    copy, why = backup.read(str(bundle), "classifier")
    assert copy.sha256 == digest
    assert "missing or damaged" in why
    with pytest.raises(BundleError, match=rf"bundle/bundle\.json cannot be read \({os.strerror(number)}\)"):
        read_bundle(bundle)


def test_a_bundle_that_never_ran_is_refused(bundle, backup):
    damage(bundle / "model.onnx")
    with pytest.raises(BundleError, match="SHA-256"):
        backup.read(str(bundle), "classifier")


def test_another_bundle_is_not_replaced_by_the_one_before(bundle, backup, tmp_path):
    store(backup, bundle)
    other = tmp_path / "other"
    with pytest.raises(BundleError, match="no bundle"):
        backup.read(str(other), "classifier")


def test_a_damaged_copy_is_no_help(bundle, backup, tmp_path):
    store(backup, bundle)
    damage(bundle / "model.onnx")
    damage(tmp_path / "state" / "models" / "classifier" / "model.onnx")
    with pytest.raises(BundleError, match=r"bundle/model\.onnx"):
        backup.read(str(bundle), "classifier")


def test_there_is_one_copy_private_and_renewed(bundle, backup, tmp_path):
    before = os.umask(0)
    try:
        store(backup, bundle)
    finally:
        os.umask(before)
    folder = tmp_path / "state" / "models"
    assert [path.name for path in folder.iterdir()] == ["classifier"]
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    inode = (folder / "classifier").stat().st_ino
    store(backup, bundle)
    assert (folder / "classifier").stat().st_ino == inode, "what is the same is not written again"
    record = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    record["variants"][0]["verification"]["onnxruntime-cuda"] = "passed"
    verified = BundleManifest.model_validate(record).to_json()
    (bundle / "bundle.json").write_text(verified, encoding="utf-8")
    store(backup, bundle)
    assert (folder / "classifier" / "bundle.json").read_text(encoding="utf-8") == verified


def test_a_station_that_died_while_it_stored_a_copy_has_one(bundle, backup, tmp_path, monkeypatch):
    class Killed(BaseException):
        """Nothing after it is done."""

    def die(*_: object) -> None:
        raise Killed

    digest = store(backup, bundle)
    (tmp_path / "state" / "models" / "classifier" / "model.onnx").unlink()  # so that it is stored anew
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", die)
        with pytest.raises(Killed):
            store(backup, bundle)
    shutil.rmtree(bundle)
    copy, _ = backup.read(str(bundle), "classifier")
    assert copy.sha256 == digest
    assert [path.name for path in (tmp_path / "state" / "models").iterdir()] == ["classifier"]


def test_a_disk_that_takes_no_copy_stops_nothing(bundle, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    store(BundleBackup(tmp_path / "file" / "models"), bundle)
    assert "no copy of the classifier could be stored" in caplog.text
