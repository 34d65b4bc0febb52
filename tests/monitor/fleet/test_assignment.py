"""Which beds a station takes, hands home and reports."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.fleet import FleetBed
from monitor.fleet.assignment import Situation, claim_limit, decide
from monitor.fleet.lease_table import Lease, TableReading

LEASE_SECONDS = 7.0


def reading(leases, homes=None):
    homes = homes or {}
    beds = {
        name: FleetBed(id=name, home=homes.get(name), camera={"url": f"rtsp://203.0.113.1/{name}"}) for name in leases
    }
    return TableReading(beds, {n: lease for n, lease in leases.items() if lease}, 1, 0.0, "server")


def situation(leases, homes=None, **changes):
    fields = {
        "station": "a",
        "held": {},
        "limit": 8,
        "rooms": {"a": 8, "b": 8},
        "free_for_seconds": {},
        "lease_seconds": LEASE_SECONDS,
    }
    return Situation(reading=reading(leases, homes), **{**fields, **changes})


def test_four_fifths_of_the_capacity_are_claimed():
    assert [claim_limit(beds) for beds in (1, 2, 5, 10, 100)] == [1, 1, 4, 8, 80]


def test_home_beds_come_first_and_a_home_that_lives_is_waited_for():
    leases = dict.fromkeys(("mine", "theirs", "anyones"))
    now = situation(leases, {"mine": "a", "theirs": "b"})
    assert decide(now).take == ("mine", "anyones")
    later = situation(leases, {"mine": "a", "theirs": "b"}, free_for_seconds={"theirs": 10.0}, rooms={"a": 8})
    assert set(decide(later).take) == {"mine", "anyones", "theirs"}


def test_a_young_lease_is_left_alone_and_an_old_one_taken_over():
    leases = {"young": Lease("b", LEASE_SECONDS - 0.1, 3), "old": Lease("b", LEASE_SECONDS, 3)}
    assert decide(situation(leases)).take == ("old",)


def test_a_dead_home_is_not_waited_for_although_its_card_still_promises_room():
    leases, homes = {"bed": Lease("b", LEASE_SECONDS, 3)}, {"bed": "b"}
    now = situation(leases, homes, rooms={"a": 8, "b": 4}, limit=8)
    assert decide(now).take == ("bed",)
    full = situation(leases, homes, rooms={"a": 0, "b": 4}, limit=0, free_for_seconds={"bed": 2.0})
    assert decide(full).unwatched == ("bed",)


def test_a_bed_that_the_table_says_is_ours_is_watched_again_at_once():
    assert decide(situation({"ours": Lease("a", 0.5, 2)})).take == ("ours",)


def test_a_station_that_is_full_takes_nothing_and_everybody_reports_what_nobody_took():
    now = situation({"lost": Lease("c", 9.5, 1)}, limit=1, held={"other": 100.0}, free_for_seconds={"lost": 2.5})
    assert decide(now) == decide(now)
    assert decide(now).take == ()
    assert decide(now).unwatched == ("lost",)


def test_a_bed_is_handed_home_only_when_it_is_calm_and_home_has_room():
    leases, homes, held = {"bed": Lease("a", 0.1, 4)}, {"bed": "b"}, {"bed": 60.0}
    assert decide(situation(leases, homes, held=held)).hand_home == ("bed", "b")
    assert decide(situation(leases, homes, held=held, busy={"bed"})).hand_home is None
    assert decide(situation(leases, homes, held=held, rooms={"a": 8, "b": 0})).hand_home is None
    assert decide(situation(leases, homes, held=held, rooms={"a": 8})).hand_home is None
    assert decide(situation(leases, homes, held={"bed": 1.0})).hand_home is None


LEASES = st.dictionaries(
    st.sampled_from([f"bed-{n}" for n in range(12)]),
    st.none() | st.builds(Lease, st.sampled_from([None, "b", "c"]), st.floats(0, 20), st.integers(1, 9)),
)


@settings(max_examples=200)
@given(LEASES, st.integers(1, 6), st.floats(0, 20))
def test_no_station_takes_more_than_its_limit_nor_a_bed_that_is_watched(leases, limit, free_for):
    free = {bed for bed, lease in leases.items() if lease is None or lease.owner is None or lease.age_seconds >= 7.0}
    taken = decide(situation(leases, limit=limit, free_for_seconds=dict.fromkeys(free, free_for))).take
    assert len(taken) == len(set(taken)) <= limit
    assert set(taken) <= free


@settings(max_examples=50)
@given(st.integers(1, 20), st.integers(1, 4))
def test_stations_that_decide_in_turn_leave_no_bed_while_there_is_room(count, stations):
    names = [f"s{n}" for n in range(stations)]
    leases, held = {f"bed-{n}": None for n in range(count)}, {name: {} for name in names}
    for _ in range(30):
        for name in names:
            rooms = {other: 8 - len(held[other]) for other in names}
            now = situation(
                leases, station=name, held=held[name], rooms=rooms, free_for_seconds=dict.fromkeys(leases, 9.0)
            )
            for bed in decide(now).take:
                assert leases[bed] is None
                leases[bed] = Lease(name, 0.0, 1)
                held[name][bed] = 0.0
    assert sum(lease is not None for lease in leases.values()) == min(count, 8 * stations)
