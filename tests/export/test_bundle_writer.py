"""Bundles appear whole or not at all, and never instead of something else."""

from pathlib import Path

import pytest

from export import bundle_writer
from export.bundle_writer import write_bundle
from export.schema import bundle_schema
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle

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

    def full_disk(fresh: Path, directory: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_writer, "_move_into_place", full_disk)
    with pytest.raises(BundleError, match=r"cannot be written to .*: No space left"):
        write_bundle(target, classifier_bundle.manifest, _contents(classifier_bundle))
    assert read_bundle(target).sha256 == old.sha256
    assert [path.name for path in target.parent.iterdir()] == ["here"]


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = _REPOSITORY / "configs" / "schemas" / "bundle.schema.json"
    assert published.read_text() == bundle_schema(), "run `python -m export.schema`"
