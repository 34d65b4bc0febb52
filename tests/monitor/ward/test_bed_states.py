"""What a bed's state in Redis says, as the board takes it: what is not in it is not known."""

import pytest

from monitor.ward.bed_states import observation_of

SEEN = {
    "level": "0.1",
    "score": "0.1",
    "display_level": "0.1",
    "coverage": "0.9",
    "on_share": "0.0",
    "validity": "valid",
}


def without(*names):
    return {name: value for name, value in SEEN.items() if name not in names}


@pytest.mark.parametrize(
    ("state", "share"),
    [
        (SEEN, 0.0),
        (without("on_share"), None),
        ({**SEEN, "on_share": "many"}, None),
        (without("level"), None),
        ({}, None),
    ],
)
def test_the_share_above_the_threshold_is_known_only_with_the_level(state, share):
    assert observation_of(state, 1000.0).on_share == share
