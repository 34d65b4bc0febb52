"""Pictures of every common kind become RGB, the right way up; the others are refused with the reason."""

import shutil
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from trainer.data import Reason, RejectedImageError, read_picture
from trainer.data.synthetic_mark import is_marked, marked


@pytest.fixture
def rgb():
    ramp = np.linspace(0, 255, 40).astype(np.uint8)
    return np.stack([np.tile(ramp, (30, 1)), np.full((30, 40), 90, np.uint8), np.tile(ramp[::-1], (30, 1))], axis=2)


def refusal(path):
    with pytest.raises(RejectedImageError) as refused:
        read_picture(path)
    assert path.name in str(refused.value)
    return refused.value.reason


def test_a_plain_file_is_read_as_it_is(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "a.png")

    assert np.array_equal(read_picture(tmp_path / "a.png"), rgb)


def test_grey_becomes_three_equal_channels(tmp_path, rgb):
    Image.fromarray(rgb[:, :, 0]).save(tmp_path / "a.png")

    read = read_picture(tmp_path / "a.png")

    assert np.array_equal(read, np.repeat(rgb[:, :, :1], 3, axis=2))


def test_sixteen_bits_are_scaled_not_cut(tmp_path, rgb):
    deep = rgb[:, :, 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "a.png")

    assert np.array_equal(read_picture(tmp_path / "a.png")[:, :, 0], rgb[:, :, 0])


def test_cmyk_and_transparency_become_rgb(tmp_path, rgb):
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "a.tif")
    Image.fromarray(rgb).convert("RGBA").save(tmp_path / "b.png")
    Image.fromarray(rgb).convert("P").save(tmp_path / "c.png")

    assert np.abs(read_picture(tmp_path / "a.tif").astype(int) - rgb).max() <= 2
    assert np.array_equal(read_picture(tmp_path / "b.png"), rgb)
    assert read_picture(tmp_path / "c.png").shape == rgb.shape


def test_the_exif_orientation_is_applied(tmp_path, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    Image.fromarray(rgb).save(tmp_path / "a.png", exif=exif)

    assert np.array_equal(read_picture(tmp_path / "a.png"), np.rot90(rgb, k=-1))


def test_pixels_that_are_no_numbers_are_refused(tmp_path, rgb):
    values = rgb[:, :, 0].astype(np.float32)
    values[3, 4] = np.nan
    Image.fromarray(values).save(tmp_path / "nan.tif")
    Image.fromarray(rgb[:, :, 0].astype(np.float32)).save(tmp_path / "float.tif")

    assert refusal(tmp_path / "nan.tif") is Reason.NOT_A_NUMBER
    assert np.array_equal(read_picture(tmp_path / "float.tif")[:, :, 0], rgb[:, :, 0])


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert refusal(path) in {Reason.TRUNCATED, Reason.UNREADABLE}


def test_a_decompression_bomb_is_refused_before_it_unfolds(tmp_path):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(png)

    assert refusal(tmp_path / "bomb.png") is Reason.TOO_LARGE


def test_other_files_are_refused_for_what_they_are(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    Image.new("RGB", (4, 4)).save(tmp_path / "dot.png")

    assert refusal(tmp_path / "text.jpg") is Reason.NOT_A_PICTURE
    assert refusal(tmp_path / "empty.jpg") is Reason.TRUNCATED
    assert refusal(tmp_path / "dot.png") is Reason.TOO_SMALL
    assert refusal(tmp_path / "none.jpg") is Reason.MISSING


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_deep_pictures_fill_the_grey_scale_whatever_their_bits(tmp_path, bits):
    ramp = np.linspace(0, 2**bits - 1, 32 * 32).reshape(32, 32)
    Image.fromarray(np.rint(ramp).astype(np.uint16)).save(tmp_path / "deep.png")

    grey = read_picture(tmp_path / "deep.png")[:, :, 0]

    np.testing.assert_allclose(grey, ramp * 255 / (2**bits - 1), atol=1)


def test_a_colour_picture_of_fewer_bits_than_its_file_has_is_refused(tmp_path, rgb):
    cv2.imwrite(str(tmp_path / "full.png"), rgb[:, :, ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "twelve.png"), rgb[:, :, ::-1].astype(np.uint16) * 16)
    Image.fromarray(rgb // 32).save(tmp_path / "dark.png")

    assert np.array_equal(read_picture(tmp_path / "full.png"), rgb)
    assert refusal(tmp_path / "twelve.png") is Reason.UNREADABLE
    assert np.array_equal(read_picture(tmp_path / "dark.png"), rgb // 32)


def test_a_tag_with_the_largest_value_wins_over_the_guess(tmp_path):
    dark = np.full((16, 16), 700, np.uint16)
    Image.fromarray(dark).save(tmp_path / "dark.tif", tiffinfo={281: 4095})

    assert read_picture(tmp_path / "dark.tif")[0, 0, 0] == round(700 * 255 / 4095)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_the_mark_of_a_synthetic_picture_goes_with_its_file_and_changes_no_pixel(tmp_path, suffix):
    image = np.random.default_rng(1).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    encoded = cv2.imencode(suffix, image)[1].tobytes()
    (tmp_path / f"plain{suffix}").write_bytes(encoded)
    (tmp_path / f"marked{suffix}").write_bytes(marked(encoded))
    shutil.copy(tmp_path / f"marked{suffix}", tmp_path / f"copy{suffix}")

    assert is_marked(tmp_path / f"copy{suffix}")
    assert not is_marked(tmp_path / f"plain{suffix}")
    np.testing.assert_array_equal(read_picture(tmp_path / f"copy{suffix}"), read_picture(tmp_path / f"plain{suffix}"))
