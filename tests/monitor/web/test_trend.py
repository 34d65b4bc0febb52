"""The trend of a bed says the same of a stretch of time as the handover that its page links to."""

from datetime import timedelta

from recorded_board import Recorded

from monitor.history.handover import bed_handover
from monitor.localization import Localizer
from monitor.web.pages.chart_style import SHADE
from monitor.web.pages.trend_chart import read_trend, trend_options


def test_pain_whose_face_went_out_of_sight_is_not_seen_in_the_trend_either(tmp_path):
    recorded = Recorded(tmp_path)
    recorded.show(40, 0.95)
    recorded.show(80, None)
    recorded.clock.advance(10)
    until = recorded.now()
    trend = read_trend(recorded.recorder, "bed-1", until, 1)
    handover = bed_handover(recorded.recorder, "bed-1", until - timedelta(hours=1), until)
    assert trend.not_seen_seconds == handover.not_seen_seconds > 60
    assert trend.signs_seconds == handover.signs_seconds > 90
    (signs,), (*_, unseen) = trend.signs, trend.not_seen
    assert sum(end - begin for begin, end in trend.not_seen) == trend.not_seen_seconds
    assert signs[0] < unseen[0] < unseen[1] == signs[1], "the alarm stays on"
    (areas,) = [
        one["markArea"]["data"] for one in trend_options(trend, (), Localizer("en"), is_dark=False)["series"][:1]
    ]
    colours = [begin["itemStyle"]["color"] for begin, _ in areas]
    assert colours.index(SHADE["blind"][False]) < colours.index(SHADE["signs"][False]), "violet lies beneath amber"
