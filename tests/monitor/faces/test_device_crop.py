"""The crop kernel: its arithmetic is that of the CPU's path, and its source does what its NumPy twin does.

The kernel itself is run here without a GPU: the same source is compiled as C++, with a loop in place of the grid.
"""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.device_crop import (
    BT601,
    BT709,
    PLAN_TYPE,
    Conversion,
    CropPlan,
    kernel_source,
    nv12_to_rgb,
    plan_crop,
    plan_view,
    render,
)
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport

_WIDTH, _HEIGHT = 128, 96
_HOST = """
#include <cmath>
#include <initializer_list>
using std::rint;
#define __device__
#define __global__
struct Dim { int x, y, z; };
static Dim blockIdx, threadIdx, blockDim{1, 1, 1};
"""
_LOOP = """
extern "C" void run(const unsigned char *const *pictures, const int *pitches, const CropPlan *plans,
                    unsigned char *out, int size, int count) {
    for (int z = 0; z < count; ++z)
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x) {
                blockIdx = Dim{x, y, z};
                crop_nv12(pictures, pitches, plans, out, size);
            }
}
extern "C" int plan_bytes() { return sizeof(CropPlan); }
"""

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
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler here (apt install g++)")
    directory = tmp_path_factory.mktemp("kernel")
    source = directory / "kernel.cpp"
    source.write_text(_HOST + kernel_source() + _LOOP)
    library = directory / "kernel.so"
    flags = ["-std=c++14", "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


def run_kernel(library: ctypes.CDLL, picture: tuple[np.ndarray, np.ndarray], plans: list[CropPlan]) -> np.ndarray:
    luma, chroma = picture
    size = plans[0].size_px
    pointers = np.array([luma.ctypes.data, chroma.ctypes.data] * len(plans), np.uint64)
    pitches = np.full(len(plans), luma.strides[0], np.int32)
    packed = np.concatenate([plan.packed(BT601) for plan in plans])
    out = np.full((len(plans), size, size, 3), 99, np.uint8)
    arrays = (pointers, pitches, packed, out)
    library.run(*(ctypes.c_void_p(array.ctypes.data) for array in arrays), size, len(plans))
    return out


def test_the_plan_has_the_same_layout_on_both_sides(kernel: ctypes.CDLL) -> None:
    assert kernel.plan_bytes() == PLAN_TYPE.itemsize


@settings(deadline=None, max_examples=60)
@given(parts=st.lists(st.one_of(boxes, views), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_the_kernel_s_source_cuts_what_the_cpu_s_path_cuts(kernel: ctypes.CDLL, parts: list, seed: int) -> None:
    planes = picture(seed)
    image = nv12_to_rgb(*planes)
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
    assert np.abs(run_kernel(kernel, planes, plans).astype(int) - np.stack(expected)).max() <= 1


def test_the_kernel_compiles_for_a_gpu(tmp_path) -> None:
    compiler = shutil.which("nvcc")
    if compiler is None:
        pytest.skip("no CUDA compiler here (nvcc)")
    source, target = tmp_path / "kernel.cu", tmp_path / "kernel.ptx"
    source.write_text(kernel_source())
    flags = ["-std=c++14", "-fmad=false", "-arch=compute_80", "-ptx"]
    done = subprocess.run([compiler, *flags, "-o", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ".entry crop_nv12" in target.read_text()
    assert "fma.rn.f64" not in target.read_text()
