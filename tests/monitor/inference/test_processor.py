"""Units for int8 and bf16, as Linux names them."""

from pathlib import Path

import pytest

from monitor.inference.processor import (
    describe_processor,
    describe_units,
    kernel_units,
    kernel_units_here,
    processor_name,
    units_of,
)


@pytest.mark.parametrize(
    ("cpuinfo", "units"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 fma\n", set()),
        ("flags\t\t: avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8\n",
         {"avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}),
        ("flags\t\t: avx2 avx_vnni\n", {"avx_vnni"}),
        ("Features\t: fp asimd asimddp i8mm bf16\n", {"asimddp", "i8mm", "bf16"}),
        ("", set()),
        ("bugs: flags\n", set()),
    ],
)  # fmt: skip
def test_units_are_read_from_what_linux_says(cpuinfo, units):
    assert units_of(cpuinfo) == units


@pytest.mark.parametrize(
    ("cpuinfo", "units"),
    [
        ("model name\t: Xeon\nflags\t: avx2 avx512f avx512_bf16 avx512_vnni\n", "avx512f avx512_vnni avx512_bf16"),
        ("model name\t: EPYC\nflags\t: avx512_vnni avx512_bf16 avx512f\n", "avx512f avx512_vnni avx512_bf16"),
        ("flags\t: sse2 avx avx2\n", "avx2"),
        ("", ""),
    ],
)  # fmt: skip
def test_processors_that_choose_the_same_kernels_have_the_same_units(cpuinfo, units):
    assert kernel_units(cpuinfo) == units
    assert "\n" not in kernel_units_here()


def test_this_machine_is_described_in_one_sentence():
    sentence = describe_units()
    assert "\n" not in sentence
    assert ("neither" in sentence) == (not units_of(Path("/proc/cpuinfo").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\nflags\t\t: sse2 avx avx2\n",
         "AMD EPYC (family 25, model 1, avx2)"),
        ("cpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\nflags\t\t: avx avx2 avx512f\n\n" * 2,
         "AMD EPYC (family 26, model 2, avx512f)"),
        ("processor\t: 0\nBogoMIPS\t: 50.0\nFeatures\t: fp asimd sve i8mm\n", "aarch64 (sve)"),
        ("", "aarch64"),
    ],
)  # fmt: skip
def test_processors_of_one_name_and_different_generations_have_different_names(cpuinfo, name):
    assert processor_name(cpuinfo, "aarch64") == name


def test_this_processor_has_a_name():
    assert describe_processor().strip()
