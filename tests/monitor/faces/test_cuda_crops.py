"""What a station does with an NVIDIA GPU, through the real cuda-bindings, with a driver in the main memory.

The driver and the compiler are stand-ins (`tests/support/fake_cuda.py`); names, order and types of arguments are those
that real ones would get.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_cuda import compile_libraries

pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")

_PROGRAM = """
import ctypes, json
import numpy as np
from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.cuda_crops import CudaCrops
from monitor.faces.device_cutter import DeviceCutter
from monitor.faces.geometry import OrientedBox
from monitor.faces.squares import CropSquare, ViewSquare
from monitor.faces.viewport import Viewport
from monitor.inference.cuda import probe_cuda, wait_asleep
from monitor.inference.recovering_engine import EngineHealth

found = {"gpu": probe_cuda().gpu.name}
driver = ctypes.CDLL("libcuda.so.1")
found["sleeps before"] = driver.fake_is_sleeping()
wait_asleep()
found["sleeps"] = driver.fake_is_sleeping()

health = EngineHealth()
cutter = DeviceCutter(CudaCrops(), CudaCrops, health)
random = np.random.default_rng(3)
images = [random.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(3)]
views = [Viewport(32, 64.0 + n, 48.0, 0.4 + 0.3 * n, 15.0 * n) for n in range(3)]
boxes = [OrientedBox(60.0, 40.0, 30.0, 36.0, 100.0 * n) for n in range(3)]
out = np.zeros((3, 32, 32, 3), np.uint8)
found["cut"] = cutter.cut([ViewSquare(*pair) for pair in zip(images, views)], out.ctypes.data)
expected = np.stack([view.render(image) for image, view in zip(images, views)])
found["views differ by"] = int(np.abs(out.astype(int) - expected).max())
crops = [CropSquare(image, box, CropSpec(16, 0.1)) for image, box in zip(images, boxes)]
found["cut again"] = cutter.cut(crops, out.ctypes.data)
wanted = np.stack([crop_face(image, box, CropSpec(16, 0.1)) for image, box in zip(images, boxes)])
found["crops differ by"] = int(np.abs(np.stack([crop.pixels() for crop in crops]).astype(int) - wanted).max())
found["uploads"] = cutter.uploads
found["live"] = driver.fake_live()
cutter.close()
found["live at the end"] = driver.fake_live()
found["degraded"] = health.degraded
print(json.dumps(found))
"""


def test_squares_are_cut_through_the_real_bindings_and_everything_is_freed(tmp_path: Path) -> None:
    if not compile_libraries(tmp_path):
        pytest.skip("no C++ compiler here (apt install g++)")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["live"] > 5
    assert found["views differ by"] <= 1
    assert found["crops differ by"] <= 1
    del found["live"], found["views differ by"], found["crops differ by"]
    assert found == {
        "gpu": "a GPU in the main memory",
        "sleeps before": 0,
        "sleeps": 1,
        "cut": True,
        "cut again": True,
        "uploads": 3,
        "live at the end": 0,
        "degraded": None,
    }
