"""The circuit breaker: when it lets calls through, and for how long it does not."""

from stepladder.models.breaker import Breaker


class Time:
    now = 100.0

    def __call__(self):
        return self.now


def opened(time, failures=3):
    breaker = Breaker(failures=failures, rest=10.0, longest=35.0, clock=time)
    for _ in range(failures):
        assert breaker.allows
        breaker.begin()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_starts_the_count_anew():
    breaker = Breaker(failures=2, clock=Time())
    for ended in (breaker.failed, breaker.succeeded, breaker.failed):
        breaker.begin()
        ended()
    assert (breaker.state, breaker.allows) == ("closed", True)
    breaker.begin()
    breaker.failed()
    assert (breaker.state, breaker.allows) == ("open", False)


def test_after_the_rest_one_probe_goes_and_its_success_closes():
    time = Time()
    breaker = opened(time)
    assert breaker.resting == 10.0
    time.now += 10.0
    assert (breaker.state, breaker.allows) == ("half-open", True)
    assert breaker.begin()
    assert not breaker.allows, "a second call while the probe is under way"
    breaker.succeeded()
    assert (breaker.state, breaker.allows, breaker.resting) == ("closed", True, 0.0)
    assert not breaker.begin()


def test_a_failed_probe_doubles_the_rest_up_to_the_longest():
    time = Time()
    breaker = opened(time)
    rests = []
    for _ in range(4):
        rests.append(breaker.resting)
        time.now += breaker.resting
        breaker.begin()
        breaker.failed()
    assert rests == [10.0, 20.0, 35.0, 35.0]
    time.now += breaker.resting
    breaker.begin()
    breaker.succeeded()
    for _ in range(3):
        breaker.begin()
        breaker.failed()
    assert breaker.resting == 10.0, "a success forgets how often it failed before"


def test_a_probe_whose_asker_left_frees_the_place_for_another():
    time = Time()
    breaker = opened(time)
    time.now += 10.0
    breaker.begin()
    breaker.left()
    assert breaker.allows


def test_calls_that_began_earlier_do_not_make_the_rest_longer():
    time = Time()
    breaker = opened(time)
    time.now += 4.0
    breaker.failed()
    breaker.failed()
    assert breaker.resting == 6.0


def test_a_pause_that_the_server_asks_for_is_no_failure():
    time = Time()
    breaker = Breaker(failures=1, clock=time)
    breaker.pause(3.0)
    assert (breaker.state, breaker.allows, breaker.resting) == ("paused", False, 3.0)
    time.now += 3.0
    assert (breaker.state, breaker.allows) == ("closed", True)
    breaker.begin()
    breaker.succeeded()
    assert breaker.state == "closed"
