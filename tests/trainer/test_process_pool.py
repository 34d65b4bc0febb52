import os
import signal
import time

import pytest

from trainer.errors import DataError
from trainer.process_pool import open_process_pool


def _double(number: int) -> int:
    return 2 * number


def _die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _rest(seconds: float) -> None:
    time.sleep(seconds)


def test_work_is_done_in_other_processes():
    with open_process_pool(2, "") as pool:
        assert list(pool.map(_double, range(5))) == [0, 2, 4, 6, 8]
        assert pool.submit(os.getpid).result() != os.getpid()


def test_a_process_that_is_killed_is_a_sentence_that_says_what_to_do():
    sentence = r"^one of 2 processes was killed, perhaps because memory is short; start again$"
    with pytest.raises(DataError, match=sentence), open_process_pool(2, "start again") as pool:
        pool.submit(_die, 1).result()


@pytest.mark.parametrize("error", [KeyboardInterrupt, DataError])
def test_after_an_interruption_nothing_more_is_begun(error):
    futures = []

    def work() -> None:
        with open_process_pool(1, "") as pool:
            pool.submit(_double, 1).result()
            futures.extend(pool.submit(_rest, 0.2) for _ in range(40))
            raise error

    with pytest.raises(error):
        work()
    assert all(future.done() for future in futures)
    assert sum(future.cancelled() for future in futures) >= 30
