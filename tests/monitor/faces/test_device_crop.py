"""The crop kernel: its arithmetic is that of the CPU's path, and its source does what its NumPy twin does.

The kernel itself is run here without a GPU: the same source is compiled as C++, with a loop in place of the grid.
"""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from host_crops import compile_kernel, run_kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import EngineError
from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.device_crop import (
    BT601,
    BT709,
    PLAN_TYPE,
    Conversion,
    CropPlan,
    DevicePicture,
    kernel_source,
    nv12_to_rgb,
    plan_crop,
    plan_view,
    render,
)
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport
from monitor.inference.cuda_kernel import compile_cuda

_WIDTH, _HEIGHT = 128, 96
boxes = st.builds(
    OrientedBox,
    st.floats(-20, _WIDTH + 20),
    st.floats(-20, _HEIGHT + 20),
    st.floats(3, 120),
    st.floats(3, 120),
    st.floats(-180, 180),
)
specs = st.builds(CropSpec, st.sampled_from([8, 16, 33]), st.sampled_from([0.0, 0.1, 0.5]))
views = st.builds(
    Viewport,
    st.sampled_from([16, 40]),
    st.floats(-30, _WIDTH + 30),
    st.floats(-30, _HEIGHT + 30),
    st.floats(0.1, 3.0),
    st.floats(-180, 180),
)


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise from black to white, the hardest of all pictures: no neighbour resembles another."""
    random = np.random.default_rng(seed)
    luma = random.integers(0, 256, (_HEIGHT, _WIDTH), dtype=np.uint8)
    return luma, random.integers(0, 256, (_HEIGHT // 2, _WIDTH), dtype=np.uint8)


@settings(deadline=None, max_examples=80)
@given(box=boxes, spec=specs, seed=st.integers(0, 99))
def test_a_planned_crop_is_the_crop(box: OrientedBox, spec: CropSpec, seed: int) -> None:
    image = nv12_to_rgb(*picture(seed))
    expected = crop_face(image, box, spec).astype(int)
    assert np.abs(render(image, plan_crop(box, spec, _WIDTH, _HEIGHT)) - expected).max() <= 1


@settings(deadline=None, max_examples=80)
@given(view=views, seed=st.integers(0, 99))
def test_a_planned_view_is_the_view(view: Viewport, seed: int) -> None:
    image = nv12_to_rgb(*picture(seed))
    expected = view.render(image).astype(int)
    assert np.abs(render(image, plan_view(view, _WIDTH, _HEIGHT)) - expected).max() <= 1


@pytest.mark.parametrize("conversion", [BT601, BT709, Conversion.of(0.299, 0.114, is_full_range=True)])
def test_grey_stays_grey_and_black_and_white_are_reached(conversion: Conversion) -> None:
    low, high = (0, 255) if conversion.y_offset == 0 else (16, 235)
    luma = np.array([[low, high], [low, high]], np.uint8)
    rgb = nv12_to_rgb(luma, np.full((1, 2), 128, np.uint8), conversion)
    np.testing.assert_array_equal(rgb[0], [[0, 0, 0], [255, 255, 255]])


def test_colours_are_those_of_opencv() -> None:
    import cv2

    luma, chroma = picture(7)
    luma = np.maximum(luma, 16)  # OpenCV takes blacker than black for black
    expected = cv2.cvtColor(np.vstack([luma, chroma]), cv2.COLOR_YUV2RGB_NV12).astype(int)
    assert np.abs(nv12_to_rgb(luma, chroma) - expected).max() <= 2


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = compile_kernel(tmp_path_factory.mktemp("kernel"))
    if library is None:
        pytest.skip("no C++ compiler here (apt install g++)")
    return library


def cut(library: ctypes.CDLL, picture: DevicePicture, plans: list[CropPlan]) -> np.ndarray:
    size = plans[0].size_px
    out = np.full((len(plans), size, size, 3), 99, np.uint8)
    run_kernel(library, [picture] * len(plans), plans, out.ctypes.data)
    return out


def test_the_plan_has_the_same_layout_on_both_sides(kernel: ctypes.CDLL) -> None:
    assert kernel.plan_bytes() == PLAN_TYPE.itemsize


@settings(deadline=None, max_examples=60)
@given(parts=st.lists(st.one_of(boxes, views), min_size=1, max_size=4), seed=st.integers(0, 99), is_rgb=st.booleans())
def test_the_kernel_s_source_cuts_what_the_cpu_s_path_cuts(
    kernel: ctypes.CDLL, parts: list, seed: int, is_rgb: bool
) -> None:
    luma, chroma = picture(seed)
    image = nv12_to_rgb(luma, chroma)
    there = DevicePicture(luma.ctypes.data, chroma.ctypes.data, luma.strides[0], _WIDTH, _HEIGHT, BT601)
    if is_rgb:
        there = DevicePicture(image.ctypes.data, 0, image.strides[0], _WIDTH, _HEIGHT)
    plans, expected = [], []
    for part in parts:
        if isinstance(part, OrientedBox):
            spec = CropSpec(16, 0.1)
            plans.append(plan_crop(part, spec, _WIDTH, _HEIGHT))
            expected.append(crop_face(image, part, spec))
        else:
            view = Viewport(16, part.center_x_px, part.center_y_px, part.scale, part.turn_deg)
            plans.append(plan_view(view, _WIDTH, _HEIGHT))
            expected.append(view.render(image))
    assert np.abs(cut(kernel, there, plans).astype(int) - np.stack(expected)).max() <= 1


def test_the_kernel_compiles_for_a_gpu(tmp_path) -> None:
    compiler = shutil.which("nvcc")
    if compiler is None:
        pytest.skip("no CUDA compiler here (nvcc)")
    source, target = tmp_path / "kernel.cu", tmp_path / "kernel.ptx"
    source.write_text(kernel_source())
    flags = ["-std=c++14", "-fmad=false", "-arch=compute_80", "-ptx"]
    done = subprocess.run([compiler, *flags, "-o", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ".entry crop_squares" in target.read_text()
    assert "fma.rn.f64" not in target.read_text()


@pytest.mark.parametrize("capability", [(7, 5), (9, 0), (12, 0)])
def test_nvrtc_compiles_the_kernel_as_a_station_does(capability: tuple[int, int]) -> None:
    try:
        code = compile_cuda(kernel_source(), "crop_squares", capability)
    except EngineError as error:
        if "NVRTC cannot be used" in str(error):
            pytest.skip(str(error))
        raise
    assert code.startswith(b"\x7fELF")
    assert b"crop_squares" in code
    with pytest.raises(EngineError, match=r"NVRTC refuses the kernel odd .*odd.cu\(1\): error"):
        compile_cuda("odd", "odd", capability)
