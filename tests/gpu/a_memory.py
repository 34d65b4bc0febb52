"""Step (a): memory on the GPU, streams and CUDA graphs, with both libraries; and that nothing grows."""

from typing import Any

import numpy as np
from step import NotHereError, is_rehearsal, median_ms, run_step

from monitor.errors import EngineError
from monitor.inference.cuda_graph import CudaGraph
from monitor.inference.device_memory import CudaApi, open_device_memory

_BYTES = 640 * 640 * 3
_RUNS = 100_000
_LIMIT_SECONDS = 12.0


def measure(numbers: dict[str, Any]) -> None:
    if is_rehearsal():
        raise NotHereError("device memory has a stand-in in tests/monitor/inference only")
    apis: tuple[CudaApi, ...] = ("cuda-python", "pycuda")
    for api in apis:
        try:
            numbers[api] = _measure(api)
        except EngineError as error:
            numbers[api] = {"not run": str(error)}
    if all("not run" in result for result in numbers.values()):
        raise NotHereError("; ".join(result["not run"] for result in numbers.values()))


def _measure(api: CudaApi) -> dict[str, Any]:
    from cuda.bindings import driver

    memory = open_device_memory(api)
    with memory.entered():
        sent, received = memory.pin(_BYTES), memory.pin(_BYTES)
        address = memory.allocate(_BYTES)

        def work() -> None:
            memory.upload(address, sent)
            memory.download(received, address)

        def direct() -> None:
            work()
            memory.synchronise()

        graph = CudaGraph(memory.stream, work)

        def recorded() -> None:
            graph.launch()
            memory.synchronise()

        sent[:] = np.random.default_rng(1).integers(0, 256, sent.size, dtype=np.uint8)
        recorded()
        if not np.array_equal(sent, received):
            raise RuntimeError("what came down is not what went up")
        free_before = int(driver.cuMemGetInfo()[1])
        p50, p99, _ = median_ms(direct, 2000)
        result: dict[str, Any] = {"copies of 1.2 MB up and down": {"ms p50": p50, "ms p99": p99}}
        p50, p99, runs = median_ms(recorded, _RUNS, _LIMIT_SECONDS)
        result["as a graph"] = {"ms p50": p50, "ms p99": p99, "runs": runs}
        result["memory grew by bytes"] = free_before - int(driver.cuMemGetInfo()[1])
        graph.close()
    memory.close()
    return result


if __name__ == "__main__":
    run_step("a_memory", measure)
