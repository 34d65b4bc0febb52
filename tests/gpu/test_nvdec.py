"""What the step for NVDEC counts, with a stand-in for PyNvVideoCodec."""

import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_STEP = Path(__file__).with_name("d_nvdec.py")


class Codec:
    """Decodes clips of ten pictures, of which a new decoder holds back two; the last of a few sessions are refused."""

    def __init__(self, most: int = 64, pictures: int = 10) -> None:
        self.most, self.pictures = most, pictures
        self.decoders: list[Decoder] = []
        self._lock = threading.Lock()

    def CreateDemuxer(self, filename: str) -> "Demuxer":  # noqa: N802 - PyNvVideoCodec's
        assert filename
        return Demuxer(self.pictures)

    def CreateDecoder(self, **_: Any) -> "Decoder":  # noqa: N802 - PyNvVideoCodec's
        with self._lock:
            if len(self.decoders) == self.most:
                raise RuntimeError("no session left\nand more")
            self.decoders.append(Decoder())
            return self.decoders[-1]


class Demuxer:
    def __init__(self, pictures: int) -> None:
        self._pictures = pictures

    def GetNvCodecId(self) -> int:  # noqa: N802 - PyNvVideoCodec's
        return 4

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._pictures))


class Decoder:
    def __init__(self) -> None:
        self.packets = 0

    def Decode(self, _: int) -> list[int]:  # noqa: N802 - PyNvVideoCodec's
        self.packets += 1
        threading.Event().wait(0.001)
        return [] if self.packets <= 2 else [self.packets]


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(_STEP.parent)
    return runpy.run_path(str(_STEP))


def test_every_session_has_one_decoder_and_counts_from_the_first_picture_of_all(step) -> None:
    codec = Codec()
    result = step["count"](codec, Path("clip"), 4, 0.3, 30.0)
    assert len(codec.decoders) == 4
    assert all(decoder.packets > 10 for decoder in codec.decoders), "the clip is fed again"
    decoded = sum(decoder.packets - 2 for decoder in codec.decoders)
    assert 0 < 0.3 * result["pictures per second"] <= decoded - 4, "first pictures are not counted"
    assert result["refused"] == result["without a picture"] == 0


def test_sessions_that_are_refused_are_said_and_hold_up_nobody(step) -> None:
    result = step["count"](Codec(most=2), Path("clip"), 5, 0.1, 30.0)
    assert (result["refused"], result["without a picture"]) == (3, 0)
    assert result["reason"] == "RuntimeError: no session left"
    assert result["pictures per second"] > 0


def _raise_missing_library() -> Any:
    raise RuntimeError("libnvidia-encode.so.1 was not found")


@pytest.mark.parametrize(
    ("load", "error", "sentence"),
    [
        (_raise_missing_library, "NotHereError", "PyNvVideoCodec cannot be loaded: libnvidia-encode.so.1 was not"),
        (lambda: Codec(most=0), "RuntimeError", "1 sessions gave no picture .*no session left"),
    ],
)
def test_what_decodes_nothing_is_no_measurement(
    step, load: Callable[[], Any], error: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").touch()
    monkeypatch.setenv("NICU_CLIP", str(tmp_path / "clip.mp4"))
    monkeypatch.delenv("NICU_GPU_REHEARSE", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr("importlib.import_module", lambda _: load())
    kind = getattr(sys.modules["step"], error, RuntimeError)
    with pytest.raises(kind, match=sentence):
        step["measure"]({})
