"""Units for int8 and bf16, as Linux names them."""

import pytest

from monitor.inference.processor import describe_units, has_bf16, int8_units, units_of


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


def test_this_machine_is_described_in_one_sentence():
    sentence = describe_units()
    assert "\n" not in sentence
    assert ("neither" in sentence) == (not int8_units() and not has_bf16())
