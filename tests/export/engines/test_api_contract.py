"""Every name of TensorRT that this project uses exists in the real bindings of every version that it supports.

NVIDIA's libraries come from an index of their own and want a GPU; the Python bindings alone are small and real. They
are imported beside stub libraries, in a process of their own, and asked for each name that the sources use.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[3]
_SOURCES = ("monitor/inference/tensorrt_api.py", "monitor/inference/tensorrt_engine.py", "export/engines/worker.py")
_VERSIONS = ("10.16.1.11", "11.4.0.106")
# What the variables of the sources hold.
_CLASSES = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "error": "ParserError",
    "config": "IBuilderConfig",
    "profile": "IOptimizationProfile",
    "cache": "ITimingCache",
    "inspector": "EngineInspector",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "settings": "IRuntimeConfig",
    "strategies": "ExecutionContextAllocationStrategy",
    "specialization": "DynamicShapesKernelSpecializationStrategy",
    "self._runtime": "Runtime",
    "self._engine": "ICudaEngine",
    "self._context": "IExecutionContext",
}
# Building for a GPU that is not there is what TensorRT-RTX alone can do; TensorRT never gets there.
_RTX_ONLY = {
    "ComputeCapability",
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
}
# What TensorRT 8 had instead of what the newer versions have; asked for only where the newer name is missing.
_TENSORRT_8_ONLY = {
    "ICudaEngine.create_execution_context_without_device_memory",
    "ICudaEngine.device_memory_size",
    "IExecutionContext.device_memory",
}
_STUBS = ("libnvinfer", "libnvinfer_plugin", "libnvonnxparser")
_SYMBOLS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "getBuilderPluginRegistry",
    "initLibNvInferPlugins",
)
_ASK = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
missing = []
for name in json.loads(sys.argv[2]):
    found = module
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        missing.append(name)
print(json.dumps({"version": module.__version__, "missing": missing}))
"""


def _used_names() -> set[str]:
    """Return dotted names: `trt.X.Y` as X.Y, and attributes of variables as Class.attribute."""
    names = set()
    for source in _SOURCES:
        for node in ast.walk(ast.parse((_REPOSITORY / source).read_text())):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if not re.fullmatch(r"[\w.]+", text):
                continue
            if text.startswith("trt."):
                names.add(text.removeprefix("trt."))
                continue
            for variable, class_name in _CLASSES.items():
                if text.startswith(f"{variable}."):
                    names.add(f"{class_name}.{text.removeprefix(f'{variable}.').split('.')[0]}")
    return names


def _ask(module: str, names: set[str], environment: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ASK, module, json.dumps(sorted(names))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_sources_use_what_this_test_searches_for() -> None:
    names = _used_names()
    assert {
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "IExecutionContext.execute_async_v3",
        "IExecutionContext.set_tensor_address",
        "IBuilderConfig.set_timing_cache",
        "OnnxParser.parse",
        "ParserError.node_name",
        "Runtime.deserialize_cuda_engine",
    } <= names
    assert len(names) > 35


@pytest.fixture(scope="module", params=_VERSIONS)
def bindings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The real bindings of one version beside stub libraries, and the environment to import them in."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here to make stub libraries with (apt install gcc libc6-dev)")
    version = request.param
    directory = tmp_path_factory.mktemp("bindings")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(directory)]
    done = subprocess.run([*command, f"tensorrt-cu13-bindings=={version}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the bindings of TensorRT {version} cannot be had here: {done.stderr.strip().splitlines()[-1]}")
    with zipfile.ZipFile(next(directory.glob("*.whl"))) as wheel:
        wheel.extractall(directory)
    source = directory / "stub.c"
    source.write_text("\n".join(f"void *{name}(void) {{ return 0; }}" for name in _SYMBOLS))
    major = version.split(".", maxsplit=1)[0]
    for stub in _STUBS:
        subprocess.run([compiler, "-shared", "-fPIC", "-o", directory / f"{stub}.so.{major}", source], check=True)
    return version, {"LD_LIBRARY_PATH": str(directory), "PYTHONPATH": str(directory)}


def test_tensorrt_has_every_name(bindings: tuple[str, dict[str, str]]) -> None:
    version, environment = bindings
    names = _used_names() - _RTX_ONLY - _TENSORRT_8_ONLY
    assert _ask("tensorrt_bindings", names, environment) == {"version": version, "missing": []}


def test_a_name_that_is_gone_would_be_noticed(bindings: tuple[str, dict[str, str]]) -> None:
    """TensorRT 11 dropped what older programs were written with."""
    version, environment = bindings
    answer = _ask("tensorrt_bindings", {"BuilderFlag.FP16", "Builder.build_engine"}, environment)
    gone = ["Builder.build_engine"] if version.startswith("10.") else ["Builder.build_engine", "BuilderFlag.FP16"]
    assert answer["missing"] == gone


def test_tensorrt_rtx_has_every_name() -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    assert _ask("tensorrt_rtx", _used_names() - _TENSORRT_8_ONLY, {})["missing"] == []
