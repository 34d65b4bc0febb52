"""What the alerts of a station say about where they come from."""

from collections.abc import Iterable
from dataclasses import replace

from monitor.alerts.record import AlertContext, AlertModel, GenerationMode
from monitor.config import BedSettings, StationConfig
from monitor.config.file import config_hash

__all__ = ["AlertContexts"]


class AlertContexts:
    """Makes the contexts of beds; `of` is read by the dispatcher and may change while it runs.

    Args:
        mode: Where the pictures of the station come from.
        model: The classifier.

    Attributes:
        of: Bed id, None for the whole station, to its context.
    """

    def __init__(self, mode: GenerationMode, model: AlertModel) -> None:
        self.of: dict[str | None, AlertContext] = {}
        self._mode = mode
        self._model = model

    def show(self, config: StationConfig, beds: Iterable[BedSettings]) -> None:
        """Describe these beds, and the station, as the configuration has them; of other beds only its hash is new."""
        digest = config_hash(config)
        for bed_id, context in list(self.of.items()):
            self.of[bed_id] = replace(context, config_hash=digest)
        settings: dict[str | None, BedSettings | None] = {None: None, **{bed.id: bed for bed in beds}}
        for bed_id, bed in settings.items():
            is_synthetic = bed is not None and bed.camera.is_synthetic
            self.of[bed_id] = AlertContext(
                station=config.station.id,
                bed=bed_id,
                camera=None if bed is None else bed.camera_id,
                generation_mode=(
                    GenerationMode.DEMO if is_synthetic and self._mode is GenerationMode.REAL else self._mode
                ),
                model=self._model,
                config_hash=digest,
            )
