"""Bundles appear whole or not at all, and never instead of something else."""

import itertools
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from export.bundle_writer import update_bundle, write_bundle
from export.schema import bundle_schema
from monitor.errors import BundleError
from monitor.inference import bundle
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import BundleManifest

_REPOSITORY = Path(__file__).parents[2]


def _contents(bundle: Bundle) -> dict[str, bytes]:
    return {variant.file: bundle.read(variant.file) for variant in bundle.manifest.variants}


def test_replaces_an_older_bundle_and_leaves_nothing_behind(classifier_bundle: Bundle, tmp_path: Path) -> None:
    for name in ("first", "second"):
        manifest = classifier_bundle.manifest.model_copy(update={"name": name})
        written = write_bundle(tmp_path / "models" / "here", manifest, _contents(classifier_bundle))
        assert read_bundle(written.path).name == name
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["here"]


def test_keeps_what_is_no_bundle(classifier_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="exists and is no bundle"):
        write_bundle(tmp_path, classifier_bundle.manifest, _contents(classifier_bundle))
    with pytest.raises(BundleError, match="exists and is no bundle"):
        write_bundle(tmp_path / "thesis.txt", classifier_bundle.manifest, _contents(classifier_bundle))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_interrupted_write_leaves_the_old_bundle(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "models" / "here"
    old = write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(BundleError, match=r"cannot be written to .*: No space left"):
        write_bundle(target, _renamed(classifier_bundle), _other_contents(classifier_bundle))
    assert read_bundle(target).manifest == old.manifest
    assert [path.name for path in target.parent.iterdir()] == ["here"]
    assert {path.name for path in target.iterdir()} == {*old.manifest.files, "bundle.json"}


def _renamed(of: Bundle) -> BundleManifest:
    return of.manifest.model_copy(update={"name": "newer"})


def _other_contents(of: Bundle) -> dict[str, bytes]:
    """Return models that differ from the bundle's in every file; nothing runs them."""
    return {name: content + b"newer" for name, content in _contents(of).items()}


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do a work in a process that is killed at the given one of its steps on the disk; say whether it was."""
    child = os.fork()
    if child == 0:
        counted = itertools.count(1)

        def counting(name: str, original: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **named: object) -> object:
                if next(counted) == step:
                    os._exit(9)
                return original(*arguments, **named)

            return call

        try:
            for owner, name in ((os, "fsync"), (os, "open"), (Path, "replace"), (Path, "unlink"), (Path, "rename")):
                setattr(owner, name, counting(name, getattr(owner, name)))
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


def test_a_writer_that_is_killed_leaves_one_whole_bundle(classifier_bundle: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "here"
    newer = write_bundle(tmp_path / "newer", _renamed(classifier_bundle), _other_contents(classifier_bundle))
    met: list[str] = []
    for step in itertools.count(1):
        older = write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))
        assert {path.name for path in target.iterdir()} == {*older.manifest.files, "bundle.json"}
        was_killed = _killed_at(
            step, lambda: write_bundle(target, _renamed(classifier_bundle), _other_contents(classifier_bundle))
        )
        met.append(read_bundle(target).manifest.digest())
        if not was_killed:
            break
    both = [older.manifest.digest(), newer.manifest.digest()]
    assert met == sorted(met, key=both.index), "the old one first, then the new one"
    assert set(met) == set(both)
    assert len(met) > 10


def test_a_reader_that_began_before_a_replacement_gets_the_new_bundle(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "here"
    write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))
    original = bundle._read_manifest

    def read_manifest(path: Path) -> BundleManifest:
        manifest = original(path)
        monkeypatch.setattr(bundle, "_read_manifest", original)
        write_bundle(target, _renamed(classifier_bundle), _other_contents(classifier_bundle))
        return manifest

    monkeypatch.setattr(bundle, "_read_manifest", read_manifest)
    assert read_bundle(target).name == "newer"


def test_what_is_no_part_of_the_bundle_stays_and_what_is_dropped_goes(
    classifier_bundle: Bundle, tmp_path: Path
) -> None:
    target = tmp_path / "here"
    write_bundle(target, classifier_bundle.manifest, {**_contents(classifier_bundle), "old.txt": b"of the old bundle"})
    (target / "approval.txt").write_text("approved", encoding="utf-8")
    (target / "papers").mkdir()
    (target / "papers" / "one.txt").write_text("1", encoding="utf-8")
    write_bundle(target, _renamed(classifier_bundle), _contents(classifier_bundle))
    assert (target / "approval.txt").read_text(encoding="utf-8") == "approved"
    assert (target / "papers" / "one.txt").exists()
    assert not (target / "old.txt").exists()


def test_links_stay_links_and_rights_stay(classifier_bundle: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "v2"
    write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))
    (tmp_path / "current").symlink_to("v2")
    model = target / classifier_bundle.variant().file
    model.rename(tmp_path / "kept.onnx")
    model.symlink_to(tmp_path / "kept.onnx")
    (target / "bundle.json").chmod(0o640)
    target.chmod(0o750)
    before = os.umask(0o077)
    try:
        write_bundle(
            tmp_path / "current", _renamed(classifier_bundle), {**_contents(classifier_bundle), "added.txt": b"new"}
        )
    finally:
        os.umask(before)
    assert (tmp_path / "current").readlink() == Path("v2")
    assert read_bundle(target).name == "newer"
    assert model.is_symlink(), "what does not change is left alone"
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (target, *target.iterdir())}
    assert rights["v2"] == 0o750
    assert rights["bundle.json"] == rights["added.txt"] == 0o640
    assert rights["MODEL_CARD.md"] == 0o644


def test_changes_of_two_writers_at_once_are_both_kept(classifier_bundle: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "here"
    write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))

    def add(name: str) -> None:
        def added(now: Bundle) -> tuple[BundleManifest, dict[str, bytes]]:
            return now.manifest, {**{file: now.read(file) for file in now.manifest.files}, name: name.encode()}

        update_bundle(target, added)

    names = {f"{number}.txt" for number in range(16)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, names))
    assert names <= read_bundle(target).manifest.files.keys()


def test_an_empty_folder_that_one_stands_in_is_filled(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_bundle(Path(), classifier_bundle.manifest, _contents(classifier_bundle))
    assert read_bundle(Path.cwd()).name == classifier_bundle.name
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = _REPOSITORY / "configs" / "schemas" / "bundle.schema.json"
    assert published.read_text() == bundle_schema(), "run `python -m export.schema`"
