"""A dead station's beds in a large fleet, in virtual time: tests/support/scale.py has the rest."""

import pytest
from scale import takeover_seconds


@pytest.mark.parametrize("seed", range(3))
def test_a_large_fleet_takes_a_dead_station_s_beds_over_within_ten_seconds(seed):
    assert 6.0 < takeover_seconds(stations=42, beds=334, dead=1, seed=seed) <= 10.0
