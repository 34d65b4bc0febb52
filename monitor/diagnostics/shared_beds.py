"""The beds that a station of a fleet would claim first: their home is this station."""

from redis.exceptions import RedisError

from monitor.config import BedSettings, StationConfig
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.diagnostics.checks import Check, Verdict
from monitor.errors import ConfigError, MonitorError
from monitor.fleet.lease_table import LeaseTable

__all__ = ["find_shared_beds"]

_NAME = "shared beds"
_PUBLISH = "nicu-monitor beds publish FILE --config STATION.yaml"


def find_shared_beds(config: StationConfig) -> tuple[tuple[BedSettings, ...], tuple[Check, ...]]:
    """Return the shared beds that are to be tried here, and what has to be said of the others.

    The cameras of other homes are watched elsewhere, and many serve only few readers at a time.

    Args:
        config: With a section `fleet`.

    Returns:
        Beds whose home is this station, and checks: on beds that this station cannot watch, on those that are not
        tried, or on why no bed is known.
    """
    try:
        client = connect_redis(config.redis)
        try:
            reading = LeaseTable(client, Keys(config.redis.key_prefix, config.station.id)).read()
        finally:
            client.close()
    except (RedisError, OSError, MonitorError) as error:
        ours = isinstance(error, MonitorError)
        reason = str(error) if ours else describe_failure(error, redis_address(config.redis))
        return (), (Check("camera", _NAME, Verdict.ABSENT, f"not known, and not tried: {reason}", "see redis above"),)
    if not reading.beds and not reading.unreadable:
        return (), (Check("camera", _NAME, Verdict.ABSENT, "Redis holds none", _PUBLISH),)
    at_home = [bed for bed in reading.beds.values() if bed.home == config.station.id]
    beds: list[BedSettings] = []
    checks: list[Check] = []
    for bed in at_home:
        try:
            beds.append(bed.settings())
        except ConfigError as error:
            checks.append(Check("camera", bed.id, Verdict.ABSENT, str(error), "mend that, or the bed's entry"))
    for name in reading.unreadable:
        detail = "its entry in Redis cannot be read here; a newer version may have written it"
        checks.append(Check("camera", name, Verdict.ABSENT, detail, _PUBLISH))
    others = len(reading.beds) - len(at_home)
    if others:
        detail = f"not tried here: {others}, whose home is another station, or none"
        checks.append(Check("camera", _NAME, Verdict.FOUND, detail))
    return tuple(beds), tuple(checks)
