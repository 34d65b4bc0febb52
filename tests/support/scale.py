"""What a fleet costs Redis, and how long take-overs last, by the number of beds and stations: for docs/scale.md.

    PYTHONPATH=tests/support python tests/support/scale.py

The first table is measured: a real redis-server, and the turns that real stations take. The second is simulated: the
decisions are those of the stations' own code, the table is in memory and time is virtual; a network, a model that is
loaded and a busy processor are not in it.
"""

import random
import tempfile
from pathlib import Path

from redis_server import RedisServer

from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import connect_redis
from monitor.fleet.assignment import Situation, decide, is_free
from monitor.fleet.lease_table import Lease, LeaseTable, TableReading

LEASE_SECONDS, TURN_SECONDS, ROUNDS = 7.0, 1.05, 2
SIZES = ((10, 100), (30, 300), (42, 334), (60, 600))
FIELDS = [f"field_{number}" for number in range(16)]
STATE = "x" * 3_000
"""About as long as the alarm state of a bed with an alarm."""


def main() -> None:
    print("| stations | beds | Redis: cores | sent to the stations | commands a second |\n|---|---|---|---|---|")
    for stations, beds in SIZES:
        cores, megabytes, commands = cost(stations, beds)
        print(f"| {stations} | {beds} | {cores:.2f} | {megabytes:.1f} MB/s | {commands:.0f} |")
    print("\n| fleets | stations | beds | stations that die at once | all taken over after (median, longest) |")
    print("|---|---|---|---|---|")
    for fleets, stations, beds, dead in ((1, 3, 12, 1), (1, 42, 334, 1), (1, 42, 334, 5), (30, 42, 334, 1)):
        seconds = sorted(takeover_seconds(stations, beds, dead, seed) for seed in range(max(20, fleets)))
        whole = f"{fleets * stations} in {fleets} fleets" if fleets > 1 else str(stations)
        longest = f"{seconds[len(seconds) // 2]:.1f} s, {seconds[-1]:.1f} s"
        print(f"| {fleets} | {whole} | {fleets * beds} | {fleets * dead} | {longest} |")


def cost(stations: int, beds: int) -> tuple[float, float, float]:
    """Return cores, megabytes a second and commands a second of a Redis that a fleet uses."""
    names = [f"bed-{number:03}" for number in range(beds)]
    with tempfile.TemporaryDirectory() as directory, RedisServer(Path(directory)) as server:
        clients = [connect_redis(server.settings(timeout_seconds=5.0)) for _ in range(stations)]
        tables = [LeaseTable(client, Keys("nicu", f"s{number}")) for number, client in enumerate(clients)]
        for bed in names:
            tables[0].publish(FleetBed(id=bed, camera={"url": f"rtsp://203.0.113.1/{bed}"}))
        held = [
            {bed: table.take(bed, LEASE_SECONDS) or 1 for bed in names[i::stations]} for i, table in enumerate(tables)
        ]
        watched = server.client()
        before = watched.info()
        for turn in range(ROUNDS):
            for table, leases in zip(tables, held, strict=True):
                table.read()
                table.refresh(leases)
                table.introduce({"limit": 8, "held": len(leases), "schema": 1}, LEASE_SECONDS)
                table.stations()
                table.offers()
                for bed, epoch in list(leases.items())[turn % 2 :: 2]:  # each bed's alarm state every two seconds
                    table.share(bed, epoch, STATE)
            for client, leases in zip(clients, held, strict=True):
                with client.pipeline(transaction=False) as pipe:  # what the page shows of each bed, every second
                    for bed in leases:
                        pipe.hset(f"nicu:state:{bed}", mapping=dict.fromkeys(FIELDS, "0.123"))
                        pipe.pexpire(f"nicu:state:{bed}", 15_000)
                    pipe.execute()
        after = watched.info()
        for client in clients:
            client.close()

    def grown(name: str) -> float:
        return float(after[name]) - float(before[name])

    cpu_seconds = grown("used_cpu_user") + grown("used_cpu_sys")
    rounds = ROUNDS * TURN_SECONDS  # a round of turns is what a fleet does in about a second
    return (
        cpu_seconds / rounds,
        grown("total_net_output_bytes") / rounds / 1e6,
        grown("total_commands_processed") / rounds,
    )


def takeover_seconds(stations: int, beds: int, dead: int, seed: int) -> float:
    """Return how long after some stations die all of their beds are taken over, in virtual time."""
    choose = random.Random(seed)
    names = [f"s{number}" for number in range(stations)]
    beds_of = {f"bed-{number:03}": names[number % stations] for number in range(beds)}
    documents = {bed: FleetBed(id=bed, home=home, camera={"url": "rtsp://x/1"}) for bed, home in beds_of.items()}
    limit = beds // stations + 2 + beds * dead // (stations * (stations - dead))
    owner = dict(beds_of)
    epoch = dict.fromkeys(documents, 1)
    confirmed = {name: -choose.uniform(0.0, TURN_SECONDS) for name in names}
    victims = set(choose.sample(names, dead))
    free_since: dict[str, dict[str, float]] = {name: {} for name in names}
    turns = sorted((choose.uniform(0.0, TURN_SECONDS), name) for name in names if name not in victims)
    step = 0
    while any(station in victims for station in owner.values()):
        for offset, name in turns:
            now = step * TURN_SECONDS + offset
            confirmed[name] = now
            leases = {bed: Lease(owner[bed], now - confirmed[owner[bed]], epoch[bed]) for bed in documents}
            reading = TableReading(documents, leases, 1, now, "server")
            free = {bed for bed in documents if is_free(leases[bed], LEASE_SECONDS)}
            free_since[name] = {bed: free_since[name].get(bed, now) for bed in free}
            held = {bed: 100.0 for bed in documents if owner[bed] == name}
            counts = {other: sum(station == other for station in owner.values()) for other in names}
            rooms = {other: limit - counts[other] for other in names if now - confirmed[other] < LEASE_SECONDS}
            situation = Situation(
                station=name,
                reading=reading,
                held=held,
                limit=limit,
                rooms=rooms,
                free_for_seconds={bed: now - since for bed, since in free_since[name].items()},
                lease_seconds=LEASE_SECONDS,
                busy=set(documents),
            )
            for bed in decide(situation).take:
                owner[bed], epoch[bed] = name, epoch[bed] + 1
        step += 1
    return step * TURN_SECONDS


if __name__ == "__main__":
    main()
