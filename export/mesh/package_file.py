"""The PyPI package `mediapipe` 0.10.14 (Apache-2.0) as a container of the face mesh's weights."""

from export.package_wheel import PackageWheel

__all__ = ["PACKAGE"]

# The file is the same in every wheel of this version; one of them is named, so that its hash can be known.
_PLATFORM = ("--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_17_x86_64")

PACKAGE = PackageWheel(
    requirement="mediapipe==0.10.14",
    wheel_sha256="a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4",
    member="mediapipe/modules/face_landmark/face_landmark.tflite",
    member_sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    platform=_PLATFORM,
)
