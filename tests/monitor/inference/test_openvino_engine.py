"""Two workers with OpenVINO run beside each other."""

import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper

from monitor.inference.bundle import read_bundle

openvino_engine = pytest.importorskip("monitor.inference.openvino_engine", reason="openvino is not installed")

SECONDS, ROUNDS = 0.5, 6


def cpu_seconds_of_two_threads(work: Callable[[int], None]) -> float:
    """Return the CPU time that this process uses while two threads work, each with something of its own."""
    stop = time.monotonic() + SECONDS

    def repeat(number: int) -> None:
        while time.monotonic() < stop:
            work(number)

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(2)]
    before = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.process_time() - before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two threads need two cores to run beside each other")
def test_two_models_of_one_process_run_on_two_cores():
    """Pinned to cores, as is OpenVINO's default, both ran on the first one: two workers did less than one."""
    bundle = read_bundle("ncnn-demo", kind="classifier")
    engines = [openvino_engine.OpenVinoEngine(bundle.read("model.onnx")) for _ in range(2)]
    pictures = {engines[0].inputs[0].name: np.zeros((1, 120, 120, 3), np.uint8)}
    squares = [np.ones((300, 300)) for _ in range(2)]
    shares = []
    try:
        for _ in range(ROUNDS):
            # What else this machine does takes from both alike.
            plain = cpu_seconds_of_two_threads(lambda number: np.sin(squares[number], out=squares[number]))
            shares.append(cpu_seconds_of_two_threads(lambda number: engines[number].run(pictures)) / plain)
            if shares[-1] > 0.75:
                break
    finally:
        for engine in engines:
            engine.close()
    assert max(shares) > 0.75, shares


def test_outputs_have_the_names_of_the_file():
    """Compiling removes what changes nothing, and a tensor then has several names; an output must not lose its own."""
    nodes = [
        helper.make_node("Cast", ["crops"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["score"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("shape", TensorProto.INT64, [1], [-1]),
    ]
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", 16, 16, 3])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])
    graph = helper.make_graph(nodes, "mean", [crops], [score], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    engine = openvino_engine.OpenVinoEngine(model.SerializeToString())
    assert [spec.name for spec in engine.outputs] == ["score"]
    answer = engine.run({"crops": np.full((2, 16, 16, 3), 7, np.uint8)})
    assert {name: values.tolist() for name, values in answer.items()} == {"score": [7.0, 7.0]}
    engine.close()
