"""CUDA and TensorRT for real; skipped, with the reason, where there is no GPU."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monitor.inference.cuda import probe_cuda
from monitor.inference.cuda_graph import CudaGraph
from monitor.inference.device_memory import CudaApi, DeviceMemory, open_device_memory

pytestmark = pytest.mark.gpu


@pytest.fixture(params=["cuda-python", "pycuda"])
def opened(request: pytest.FixtureRequest) -> Iterator[DeviceMemory]:
    probe = probe_cuda()
    if probe.gpu is None:
        pytest.skip(probe.reason)
    api: CudaApi = request.param
    pytest.importorskip("pycuda" if api == "pycuda" else "cuda.bindings", reason=f"{api} is not installed")
    memory = open_device_memory(api)
    yield memory
    memory.close()
    memory.close()


@pytest.fixture
def memory(opened: DeviceMemory) -> Iterator[DeviceMemory]:
    """Memory whose context is current in the test's thread."""
    with opened.entered():
        yield opened


def test_what_goes_up_comes_down(memory: DeviceMemory) -> None:
    sent, received = memory.pin(1 << 20), memory.pin(1 << 20)
    sent[:] = np.random.default_rng(1).integers(0, 256, sent.size, dtype=np.uint8)
    received[:] = 0
    address = memory.allocate(sent.nbytes)
    memory.upload(address, sent)
    memory.download(received, address)
    memory.synchronise()
    np.testing.assert_array_equal(sent, received)


def test_opened_here_used_and_closed_elsewhere(opened: DeviceMemory) -> None:
    """As a station does: engines are opened in the main thread, and run and closed in a worker's."""

    def work() -> bool:
        with opened.entered():
            sent, received = opened.pin(64), opened.pin(64)
            sent[:] = 7
            address = opened.allocate(64)
            opened.upload(address, sent)
            opened.download(received, address)
            opened.synchronise()
            equal = bool((received == 7).all())
        opened.close()
        return equal

    with ThreadPoolExecutor(max_workers=1) as worker:
        assert worker.submit(work).result(timeout=60)


def test_a_recorded_copy_takes_the_new_content(memory: DeviceMemory) -> None:
    sent, received = memory.pin(4096), memory.pin(4096)
    address = memory.allocate(4096)

    def work() -> None:
        memory.upload(address, sent)
        memory.download(received, address)

    graph = CudaGraph(memory.stream, work)
    for value in (1, 2, 3):
        sent[:] = value
        graph.launch()
        memory.synchronise()
        assert (received == value).all()
    graph.close()
