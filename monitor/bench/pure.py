"""What decoding and the models cost by themselves: the part of the work that no program around them can save."""

import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.config import StationConfig
from monitor.config.base import ModelRole
from monitor.errors import VideoError
from monitor.faces.detector import FACE_INPUT_PX, TRACK_INPUT_PX
from monitor.faces.viewport import ImageRegion, Viewport
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import open_engine
from monitor.video.decoding import CODECS
from monitor.video.gst import gstreamer
from monitor.video.reader import open_video

__all__ = ["PureCosts", "measure_pure_costs"]

_FRAMES = 8
_FRAMES_PER_SECOND = 4.0
_RUNS = 3
_DECODE_LIMIT_SECONDS = 120.0
_LEAST_PICTURES = 300


@dataclass(frozen=True, slots=True)
class PureCosts:
    """CPU seconds, of all threads that a part uses.

    Attributes:
        decode_seconds: Decoder alone, a picture.
        full_pass_seconds: Detector's engine alone, a whole picture.
        face_pass_seconds: Detector's engine alone, the surroundings of one face.
        track_pass_seconds: Detector's engine alone, a face that is tracked.
        classify_seconds: Classifier's engine alone, a crop.
        size_px: (width, height) of the clip.
    """

    decode_seconds: float
    full_pass_seconds: float
    face_pass_seconds: float
    track_pass_seconds: float
    classify_seconds: float
    size_px: tuple[int, int]


def measure_pure_costs(clip: Path, config: StationConfig) -> PureCosts:
    """Measure each part alone, one after the other; nothing else may run in this process meanwhile.

    Args:
        clip: What the cameras send.
        config: Its models and detection size are used.

    Raises:
        VideoError: The clip cannot be decoded.
        BundleError: A model is missing or cannot be run.
    """
    with open_video(clip, _FRAMES_PER_SECOND) as video:
        codec, size_px = video.codec, video.size_px
        images = [np.asarray(frame.image) for frame in itertools.islice(video, _FRAMES)]
    detector = read_bundle(config.models.detector, kind="detector")
    classifier = read_bundle(config.models.classifier, kind="classifier")
    size = config.faces.detection_size_px
    sizes = {variant.size_px for variant in detector.manifest.variants}

    def pass_seconds(size_px: int) -> float:
        return _engine_seconds(config, "detector", detector, size_px, "images", _squares(images, size_px))

    full = pass_seconds(size)
    close = pass_seconds(FACE_INPUT_PX) if size > FACE_INPUT_PX else full
    return PureCosts(
        decode_seconds=_decoder_seconds(clip, codec),
        full_pass_seconds=full,
        face_pass_seconds=close,
        track_pass_seconds=pass_seconds(TRACK_INPUT_PX) if TRACK_INPUT_PX in sizes else close,
        classify_seconds=_engine_seconds(config, "classifier", classifier, None, "crops", images),
        size_px=size_px,
    )


def _squares(images: list[NDArray[np.uint8]], size_px: int) -> list[NDArray[np.uint8]]:
    return [Viewport.of_area(ImageRegion.of_picture(image), 0.0, size_px).render(image) for image in images]


def _engine_seconds(
    config: StationConfig,
    role: ModelRole,
    bundle: Bundle,
    size_px: int | None,
    name: str,
    images: list[NDArray[np.uint8]],
) -> float:
    """Return the median CPU time of one run of a model on these pictures, as small as the model wants them."""
    models = config.models
    with ExitStack() as opened:
        engine: Engine = open_engine(
            bundle,
            size_px=size_px,
            choice=models.engines[role],
            on_missing=models.on_missing_engine,
            threads=1,
            cuda_api=models.cuda_api,
        )
        opened.callback(engine.close)
        side = engine.inputs[0].shape[1]
        fitting = [image if image.shape[0] == side else _squares([image], side or 1)[0] for image in images]
        batches = [{name: image[np.newaxis]} for image in fitting]
        engine.run(batches[0])  # The first run allocates.
        return float(np.median([_cpu_seconds(engine.run, batch) for _ in range(_RUNS) for batch in batches]))


def _cpu_seconds(run: Callable[[dict[str, NDArray[np.uint8]]], object], batch: dict[str, NDArray[np.uint8]]) -> float:
    began = time.process_time()
    run(batch)
    return time.process_time() - began


def _decoder_seconds(clip: Path, codec: str | None) -> float:
    """Return the CPU time for one picture of a pipeline that only reads and decodes, with the station's decoder."""
    gst = gstreamer()
    names = next((known.decoders for known in CODECS.values() if known.name == codec), ())
    installed = [name for name in names if gst.ElementFactory.find(name) is not None]
    if not installed:
        raise VideoError(f"{clip} holds {codec}; the benchmark needs H.264, H.265 or MJPEG")
    threads = " max-threads=1" if gst.ElementFactory.make(installed[0], None).find_property("max-threads") else ""
    pictures, seconds = 0, 0.0
    while pictures < _LEAST_PICTURES:
        description = f"filesrc name=file ! parsebin ! {installed[0]}{threads} ! fakesink name=end sync=false"
        pipeline = gst.parse_launch(description)
        pipeline.get_by_name("file").set_property("location", str(clip))
        began = time.process_time()
        pipeline.set_state(gst.State.PLAYING)
        ends = gst.MessageType.ERROR | gst.MessageType.EOS
        message = pipeline.get_bus().timed_pop_filtered(int(_DECODE_LIMIT_SECONDS * gst.SECOND), ends)
        seconds += time.process_time() - began
        _, rendered = pipeline.get_by_name("end").get_property("stats").get_uint64("rendered")
        pipeline.set_state(gst.State.NULL)
        if message is None or message.type != gst.MessageType.EOS or rendered == 0:
            raise VideoError(f"{clip} cannot be decoded to its end by {installed[0]}; choose another clip")
        pictures += rendered
    return seconds / pictures
