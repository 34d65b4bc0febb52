"""A reload that names a camera which cannot be: nothing is changed, and every bed is watched as before."""

import pytest

from monitor.config import StationConfig
from monitor.errors import ConfigError
from monitor.station.station import Station


def config(directory, *addresses):
    beds = [{"id": f"bed-{number}", "camera": {"url": url}} for number, url in enumerate(addresses, 1)]
    return StationConfig.model_validate({"beds": beds, "spool": {"directory": str(directory)}, "http": {"port": 0}})


@pytest.mark.parametrize(
    "addresses", [("synthetic://pain?seed=x",), ("synthetic://calm", "synthetic://pain?size=large")]
)
def test_every_bed_is_watched_as_before(tmp_path, addresses):
    before = config(tmp_path, "synthetic://calm")
    station = Station(before, read_again=lambda: config(tmp_path, *addresses))
    camera = station.cameras["bed-1"]
    station.watched.open("bed-1")
    try:
        with pytest.raises(ConfigError, match=r"nothing was changed, for bed bed-[12] can have no such camera"):
            station.reload("a test")
        assert station.config is before
        assert dict(station.cameras) == {"bed-1": camera}
        assert not camera.is_done
        assert station.reload("a test", dry_run=True).sentences, "the next attempt still sees the difference"
    finally:
        camera.stop()
        station.publisher.stop()
