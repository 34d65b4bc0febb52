"""Whose lease has run out, while nobody can trust the server's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fleet.lease_table import Lease, TableReading
from monitor.fleet.observed_leases import ObservedLeases

LEASE = 7.0
DOUBT = 15.0
RETURN = 3.0


class Ward:
    """Two stations' leases on a server whose clock runs off by what is set."""

    def __init__(self):
        self.now = 100.0
        self.offset = 0.0
        self.confirmed = {"living": 100.0, "dead": 100.0}
        self.leases = ObservedLeases()

    def confirm(self, bed):
        self.confirmed[bed] = self.now + self.offset - 0.005  # a reading in the same millisecond is rare

    def ages(self):
        server = self.now + self.offset
        leases = {bed: Lease(bed, max(0.0, server - at), 1) for bed, at in self.confirmed.items()}
        reading = TableReading({}, leases, 1, server, "one")
        return {bed: lease.age_seconds for bed, lease in self.leases.ages(reading, self.now).items()}


@given(
    jump=st.floats(-3600, 3600),
    dies_after=st.floats(0.0, 20.0),
    back_after=st.floats(0.0, 2.5),
    every=st.floats(0.3, 1.5),
)
def test_a_jump_takes_no_bed_from_a_living_station_and_keeps_a_dead_one_s_hardly_longer(
    jump, dies_after, back_after, every
):
    ward = Ward()
    ward.ages()
    began, refreshed, free_at = ward.now, {}, None
    ward.offset = jump
    ward.leases.doubt(ward.now, DOUBT, RETURN)
    while ward.now < began + 60.0 and free_at is None:
        since = ward.now - began
        for bed in ("living", "dead"):
            is_alive = bed == "living" or since < dies_after
            if is_alive and since >= back_after and ward.now - refreshed.get(bed, 0.0) >= 1.0:
                ward.confirm(bed)
                refreshed[bed] = ward.now
        ages = ward.ages()
        assert ages["living"] < LEASE
        if ages["dead"] >= LEASE:
            free_at = since
        ward.now += every
    assert free_at is not None
    died = refreshed.get("dead", began) - began  # as far as anybody can know
    assert free_at >= min(died + LEASE, RETURN + LEASE) - 1e-6
    assert free_at <= max(died, RETURN) + LEASE + 2 * every + 1e-6


def test_without_a_doubt_the_server_s_ages_count():
    ward = Ward()
    ward.now = 107.5
    assert ward.ages() == {"living": pytest.approx(7.5), "dead": pytest.approx(7.5)}


def test_a_lease_that_changed_hands_is_a_new_one():
    ward = Ward()
    ward.leases.doubt(ward.now, DOUBT)
    ward.ages()
    ward.now += 6.0
    server = ward.now
    reading = TableReading({}, {"dead": Lease("other", 6.0, 2)}, 1, server, "one")
    assert ward.leases.ages(reading, ward.now)["dead"] == Lease("other", 0.0, 2)
