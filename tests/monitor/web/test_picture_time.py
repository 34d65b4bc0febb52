"""What a page says of when its picture was taken."""

from datetime import timedelta

import numpy as np

from monitor.board import BedPicture
from monitor.clock import ManualClock
from monitor.video.frame import Frame
from monitor.web.pages.picture import taken_at


def test_a_picture_that_is_seconds_old_when_a_page_is_opened_is_not_said_to_be_of_now():
    clock = ManualClock(1_000.0)
    frame = Frame(np.zeros((2, 2, 3), np.uint8), clock.monotonic(), None, 0)
    reached = clock.wall()
    clock.advance(4.0)
    assert taken_at(BedPicture(frame, None, 1), clock) == reached == clock.wall() - timedelta(seconds=4)
