"""Finds bundles and reads them, with every file checked against its SHA-256 before it is used."""

import hashlib
import importlib.resources
import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.errors import BundleError
from monitor.inference.manifest import (
    MANIFEST_NAME,
    SCHEMA,
    BundleManifest,
    ClassifierContract,
    DetectorContract,
    FileRecord,
    Kind,
    MeshContract,
    Precision,
    Variant,
)

__all__ = ["Bundle", "draft_path", "find_bundle", "installed_models_directory", "read_bundle"]


def installed_models_directory() -> Path:
    """Return where `nicu-export` installs bundles for this Python environment."""
    return Path(sys.prefix) / "share" / "nicu-pain-monitor" / "models"


def _packaged_models_directory() -> Path:
    return Path(str(importlib.resources.files("monitor"))) / "bundles"


def draft_path(path: Path) -> Path:
    """Return where the next content of a bundle's file lies until the file is replaced.

    A bundle is replaced by its record alone, `bundle.json`: the new files lie beside the old ones by then, and a reader
    takes the one that the record means. So there is no moment without a whole bundle, also where a writer is killed.
    """
    return path.with_name(f".{path.name}.new")


def find_bundle(name_or_path: str | Path) -> Path:
    """Return the directory of a bundle.

    Args:
        name_or_path: A name without a slash is searched among the installed bundles and then among those that came
            with the package; anything else is a path.

    Raises:
        BundleError: There is none, or where it would be cannot be looked into (rights, a mount that is gone).
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text in {".", ".."}:
        candidates = [Path(name_or_path)]
    else:
        candidates = [installed_models_directory() / text, _packaged_models_directory() / text]
    for candidate in candidates:
        try:
            if (candidate / MANIFEST_NAME).is_file():
                return candidate
        except OSError as error:
            # Not the next candidate: that one may be another model of the same name.
            raise BundleError(
                f"{candidate / MANIFEST_NAME} cannot be read ({error.strerror}); give this user the right to read and "
                f"enter the bundle's directory, or mount it again"
            ) from error
    searched = " and ".join(str(candidate) for candidate in candidates)
    raise BundleError(
        f"no bundle {text!r}: {searched} has no {MANIFEST_NAME}; give a bundle's directory, or install the face "
        f"detector with `nicu-export detector --from retinaface` and the classifier with `nicu-export actions`"
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose manifest is valid and whose files were all there and intact when it was read.

    Attributes:
        path: Its directory.
        manifest: Its checked contents.
    """

    path: Path
    manifest: BundleManifest
    _remembered: dict[str, bytes] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The bundle's own name."""
        return self.manifest.name

    @property
    def sha256(self) -> str:
        """The identity of the model: a digest of what determines its answers, which a verification leaves alone."""
        return self.manifest.identity()

    @property
    def detector(self) -> DetectorContract:
        """What the detector answers.

        Raises:
            BundleError: It is no detector.
        """
        if self.manifest.detector is None:
            raise _wrong_kind(self, "detector")
        return self.manifest.detector

    @property
    def classifier(self) -> ClassifierContract:
        """What the classifier answers.

        Raises:
            BundleError: It is no classifier.
        """
        if self.manifest.classifier is None:
            raise _wrong_kind(self, "classifier")
        return self.manifest.classifier

    @property
    def mesh(self) -> MeshContract:
        """What the face mesh answers.

        Raises:
            BundleError: It is no face mesh.
        """
        if self.manifest.mesh is None:
            raise _wrong_kind(self, "mesh")
        return self.manifest.mesh

    def remembering(self) -> "Bundle":
        """Return this bundle with a memory: a file that was read once is never read from the disk again.

        Whoever opens an engine a second time gets the model of the first time, also where the directory was replaced
        for the next start, moved or unmounted meanwhile.
        """
        return replace(self, _remembered={})

    def require_positive(self, wanted: str) -> None:
        """Refuse a classifier that recognises something else than is wanted.

        Args:
            wanted: The configured `models.positive_class`.

        Raises:
            BundleError: It is no classifier, or its positive class is another one.
        """
        found = self.classifier.positive
        if found != wanted:
            raise BundleError(
                f"bundle {self.name} recognises {found!r} and not {wanted!r}: its score says nothing about {wanted}; "
                f"use another bundle as models.classifier, or set models.positive_class: {found} if that is meant"
            )

    def variant(self, *, size_px: int | None = None, precision: Precision = "fp32") -> Variant:
        """Return the variant of one size and precision that may be run.

        Args:
            size_px: Side of the square input; None where the bundle has only one size.
            precision: Which one.

        Raises:
            BundleError: There is none, or it failed its verification.
        """
        sizes = sorted({variant.size_px for variant in self.manifest.variants})
        if size_px is None and len(sizes) > 1:
            raise BundleError(f"bundle {self.name} comes in the sizes {sizes} px; choose one of them")
        wanted = sizes[0] if size_px is None else size_px
        for variant in self.manifest.variants:
            if variant.size_px == wanted and variant.precision == precision:
                if variant.verification.get("onnxruntime") == "failed":
                    raise BundleError(
                        f"{variant.file} of bundle {self.name} failed its verification and is not run; "
                        f"`nicu-export show {self.path}` says why, another precision may be chosen"
                    )
                return variant
        have = ", ".join(f"{variant.size_px} px {variant.precision}" for variant in self.manifest.variants)
        raise BundleError(f"bundle {self.name} has no {precision} model of {wanted} px; it has {have}")

    def read(self, file: str) -> bytes:
        """Return a file's content, checked against its SHA-256: what is run is what was checked.

        Raises:
            BundleError: It is not part of the bundle, missing, or not what it was.
        """
        record = self.manifest.files.get(file)
        if record is None:
            raise BundleError(f"bundle {self.name} lists no file {file!r}")
        if self._remembered is not None and file in self._remembered:
            return self._remembered[file]
        content = _matching_content(self.path / file, record)
        if self._remembered is not None:
            self._remembered[file] = content
        return content


def _matching_content(path: Path, record: FileRecord) -> bytes:
    reason = ""
    # Once more at the end: a writer may have put the draft in its place between the first two looks.
    for candidate in (path, draft_path(path), path):
        try:
            content = candidate.read_bytes()
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror}); build or copy the bundle again"
            continue
        if hashlib.sha256(content).hexdigest() == record.sha256:
            return content
        length = "" if len(content) == record.bytes else f", {len(content)} bytes instead of {record.bytes}"
        reason = (
            f"{path} is not the file that the bundle was made with (its SHA-256 differs from {MANIFEST_NAME}{length}); "
            f"build or copy the bundle again"
        )
    raise BundleError(reason)


def _wrong_kind(bundle: Bundle, wanted: Kind) -> BundleError:
    return BundleError(f"bundle {bundle.name} is a {bundle.manifest.kind}, not a {wanted}; choose another bundle")


def read_bundle(name_or_path: str | Path, *, kind: Kind | None = None) -> Bundle:
    """Find a bundle, check its manifest and every file's SHA-256, and return it.

    Args:
        name_or_path: As for `find_bundle`.
        kind: Refuse any other kind.

    Raises:
        BundleError: It is missing, of an unknown schema, inconsistent, damaged, or of another kind.
    """
    path = find_bundle(name_or_path)
    try:
        bundle = _read_whole(path)
    except BundleError:
        # It may have been replaced after its record was read; what is damaged is found damaged again.
        bundle = _read_whole(path)
    if kind is not None and bundle.manifest.kind != kind:
        raise _wrong_kind(bundle, kind)
    return bundle


def _read_whole(path: Path) -> Bundle:
    bundle = Bundle(path, _read_manifest(path / MANIFEST_NAME))
    for file in bundle.manifest.files:
        bundle.read(file)
    return bundle


def _read_manifest(path: Path) -> BundleManifest:
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is no JSON ({error}); build or copy the bundle again") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise BundleError(
            f"{path} has the schema {schema!r}, this program reads {SCHEMA!r}; build the bundle with this version"
        )
    try:
        manifest = BundleManifest.model_validate(content)
    except ValidationError as error:
        raise BundleError(f"{path} does not fit its schema: {_first_mistakes(error)}") from error
    if manifest.manifest_sha256 != manifest.digest():
        raise BundleError(
            f"{path} was changed after the bundle was made (its own SHA-256 does not match); build or copy it again"
        )
    return manifest


def _first_mistakes(error: ValidationError, count: int = 3) -> str:
    mistakes = error.errors(include_url=False, include_input=False)
    sentences = [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'the record'}: {mistake['msg']}" for mistake in mistakes
    ]
    rest = len(sentences) - count
    return "; ".join(sentences[:count]) + (f"; and {rest} more" if rest > 0 else "")
