"""CUDA graphs: a fixed sequence of copies and kernels, recorded once and launched with one call."""

from collections.abc import Callable
from typing import Any

from monitor.errors import EngineError

__all__ = ["CudaGraph"]


class CudaGraph:
    """A recording of what a function puts on a stream.

    Args:
        stream: Handle of the stream.
        work: Puts copies and kernels on the stream, and does not wait for them.

    Raises:
        EngineError: Something that `work` does cannot be recorded.
    """

    def __init__(self, stream: int, work: Callable[[], None]) -> None:
        from cuda.bindings import driver

        self._driver = driver
        self._stream = driver.CUstream(stream)
        mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call(driver.cuStreamBeginCapture(self._stream, mode))
        try:
            work()
        except BaseException:
            # The stream is of no use until the recording has ended; what went wrong first is what is reported.
            driver.cuStreamEndCapture(self._stream)
            raise
        self._graph = self._call(driver.cuStreamEndCapture(self._stream))
        self._executable = self._call(driver.cuGraphInstantiate(self._graph, 0))

    def launch(self) -> None:
        """Put the recorded work on the stream."""
        self._call(self._driver.cuGraphLaunch(self._executable, self._stream))

    def close(self) -> None:
        """Free the recording."""
        self._call(self._driver.cuGraphExecDestroy(self._executable))
        self._call(self._driver.cuGraphDestroy(self._graph))

    def _call(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - cuda-bindings publishes no types
        status, *values = answer
        if status != self._driver.CUresult.CUDA_SUCCESS:
            raise EngineError(f"the GPU refused to record or run a CUDA graph ({status.name})")
        return values[0] if values else None
