"""A station that claims beds and watches nothing, as a process of its own: URL STATION LIMIT LEASE-SECONDS.

Prints one JSON object a turn: the leases that it holds, and its monotonic time. Not a test; run by tests/monitor/fleet.
"""

import json
import select
import sys
import time

import redis

from monitor.config import RedisSettings
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis
from monitor.fleet.lease_table import LeaseTable


def main():
    url, station, limit, lease_seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    client = connect_redis(RedisSettings(url=url, timeout_seconds=0.5))
    table = LeaseTable(client, Keys("nicu", station))
    held = {}
    while True:
        try:
            for bed in table.refresh(held):
                del held[bed]
            reading = table.read()
            for bed in reading.beds:
                lease = reading.leases.get(bed)
                is_free = lease is None or lease.owner is None or lease.age_seconds >= lease_seconds
                if bed not in held and len(held) < limit and is_free:
                    epoch = table.take(bed, lease_seconds)
                    if epoch is not None:
                        held[bed] = epoch
        except redis.RedisError as error:
            print(json.dumps({"error": type(error).__name__, "held": held}), flush=True)
        else:
            print(json.dumps({"held": held, "at": time.monotonic()}), flush=True)
        select.select([], [], [], 0.2)  # time.sleep fails where libfaketime gives a wrong wall clock


if __name__ == "__main__":
    main()
