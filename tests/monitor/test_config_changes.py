"""What differs between two configurations, and what is said of it."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.config import StationConfig
from monitor.config.changes import compare_configs


def config(beds, **sections):
    return StationConfig.model_validate({"beds": beds, **sections})


def bed(name, url="rtsp://203.0.113.1/{}", **fields):
    return {"id": name, "camera": {"url": url.format(name)}, **fields}


def test_beds_come_go_and_change_and_each_is_said():
    old = config([bed("a"), bed("b"), bed("c"), bed("d")])
    new = config(
        [bed("a"), bed("b", url="rtsp://203.0.113.2/b"), bed("c", region_of_interest={"left": 0.2}), bed("e")],
        alarms={"hold_seconds": 4.0},
    )
    changes = compare_configs(old, new)
    assert [item.id for item in changes.added] == ["e"]
    assert changes.removed == ("d",)
    assert [(c.settings.id, c.new_camera, c.new_region) for c in changes.changed] == [
        ("b", True, False),
        ("c", False, True),
    ]
    assert changes.alarm_fields == ("hold_seconds",)
    assert changes.needs_restart == ()
    said = " ".join(changes.sentences())
    for words in ("Bed b", "Bed c", "Bed d", "Bed e", "hold_seconds"):
        assert words in said
    assert "Bed a" not in said


def test_what_needs_a_restart_is_named():
    old = config([bed("a")])
    new = config([bed("a")], redis={"key_prefix": "x"}, http={"port": 1}, alarms={"window_seconds": 40.0})
    assert compare_configs(old, new).needs_restart == ("alarms.window_seconds", "redis.key_prefix", "http.port")


def test_a_changed_password_opens_the_camera_again_and_is_not_said():
    old = config([{"id": "a", "camera": {"url": "rtsp://u:first-secret@203.0.113.1/a"}}])
    new = config([{"id": "a", "camera": {"url": "rtsp://u:other-secret@203.0.113.1/a"}}])
    changes = compare_configs(old, new)
    assert changes.changed[0].new_camera
    assert "secret" not in repr(changes) + " ".join(changes.sentences())


def test_a_station_of_synthetic_infants_does_not_become_a_real_one_under_way():
    old, new = config([bed("a", url="synthetic://calm?seed=1")]), config([bed("a")])
    assert "synthetic" in compare_configs(old, new).needs_restart[0]


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1)


@given(NAMES, NAMES)
def test_added_and_removed_lead_from_one_set_of_beds_to_the_other(before, after):
    changes = compare_configs(config([bed(n) for n in before]), config([bed(n) for n in after]))
    assert (set(before) - set(changes.removed)) | {item.id for item in changes.added} == set(after)
    assert changes.is_empty == (set(before) == set(after))
