"""Waiting for a job: connections break, servers start anew, and in the end there is a receipt."""

import pytest

from esm_client.core.errors import Conflict, ConnectionFailed, RateLimited, Unavailable
from esm_client.core.progress import silent
from esm_client.core.schemas import RankingJob
from esm_client.remote import waiting
from esm_client.remote.waiting import finished

RECEIPT = object()
RUNNING = RankingJob(id="r1", state="running", done=1, total=2)


class Answers:
    """Answers in turn, of a job's events and of the job itself; an error is raised."""

    def __init__(self, events, states):
        self.events, self.states = list(events), list(states)
        self.cancelled = []

    def cancel(self, identifier):
        self.cancelled.append(identifier)

    def follow(self, identifier):
        assert identifier == "r1"
        answer = self.events.pop(0) if len(self.events) > 1 else self.events[0]
        if isinstance(answer, Exception):
            raise answer
        yield from answer

    def get(self, identifier):
        assert identifier == "r1"
        answer = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(name="clock", autouse=True)
def _clock(monkeypatch):
    """A clock that goes only while somebody sleeps."""
    clock = {"now": 1000.0}
    monkeypatch.setattr(waiting, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(waiting, "sleep", lambda seconds: clock.update(now=clock["now"] + seconds))
    return clock


BROKEN = ConnectionFailed("The connection broke.", "Try again.")


def test_a_stream_that_breaks_is_opened_again(clock):
    told = []
    answers = Answers([BROKEN, [RUNNING], BROKEN, [RUNNING]], [RUNNING, RUNNING, RUNNING, RECEIPT])

    def progress(_step, done, total):
        told.append((done, total))
        clock["now"] += 10 * waiting.PATIENCE  # a long stream is no silence

    assert finished(answers, RUNNING, progress) is RECEIPT
    assert told == [(1, 2), (1, 2)]


def test_a_server_that_starts_anew_is_waited_for():
    gone = [BROKEN, Unavailable("Stopping.")] * 20
    assert finished(Answers([BROKEN], [*gone, RUNNING, *gone, RECEIPT]), RUNNING, silent) is RECEIPT


def test_the_patience_of_each_request_is_part_of_it(clock):
    class Patient(Answers):
        """Each request is tried for a minute before it fails."""

        def follow(self, identifier):
            clock["now"] += 60
            yield from super().follow(identifier)

        def get(self, identifier):
            clock["now"] += 60
            return super().get(identifier)

    gone = ConnectionFailed("Gone.", "Try again.", gave_up=True)
    with pytest.raises(ConnectionFailed, match="Gone"):
        finished(Patient([gone], [gone]), RUNNING, silent)
    assert clock["now"] == pytest.approx(1000 + waiting.PATIENCE, abs=2.5)


def test_who_is_silent_for_long_is_given_up_with_the_name_of_the_job(clock):
    with pytest.raises(ConnectionFailed, match="broke") as caught:
        finished(Answers([BROKEN], [BROKEN]), RUNNING, silent)
    assert '`Client.ranking("r1")`' in caught.value.hint
    assert clock["now"] == pytest.approx(1000 + waiting.PATIENCE, abs=2.5)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_of_one_that_ended_without_a_receipt_that_is_told(state):
    ended = []
    over = RankingJob(id="r1", state=state, done=1, total=2)
    with pytest.raises(Conflict, match=f"was {state}"):
        finished(Answers([[RUNNING]], [over]), RUNNING, silent, on_end=ended.append)
    assert ended == ["r1"]


@pytest.mark.parametrize("call", [KeyboardInterrupt, SystemExit])
def test_of_one_that_is_called_off_that_is_told(call):
    ended, answers = [], Answers([[RUNNING]], [RUNNING])

    def progress(_step, _done, _total):
        raise call

    with pytest.raises(call):
        finished(answers, RUNNING, progress, on_end=ended.append)
    assert (ended, answers.cancelled) == (["r1"], ["r1"])


def test_of_one_that_goes_on_or_is_there_nothing_is_told():
    ended = []
    with pytest.raises(ConnectionFailed):
        finished(Answers([BROKEN], [BROKEN]), RUNNING, silent, on_end=ended.append)
    finished(Answers([[RUNNING]], [RECEIPT]), RUNNING, silent, on_end=ended.append)
    assert ended == []


BUSY = RateLimited("You have 64 requests in progress, the most at a time.", "Try again.")


def test_a_ranking_goes_on_while_there_are_too_many_other_requests():
    answers = Answers([BUSY, [RUNNING], BUSY], [BUSY, BUSY, RUNNING, BUSY, RECEIPT])
    assert finished(answers, RUNNING, silent) is RECEIPT


def test_who_is_refused_for_long_is_told_the_name_of_the_job(clock):
    with pytest.raises(RateLimited, match="You have 64 requests") as caught:
        finished(Answers([BUSY], [BUSY]), RUNNING, silent)
    assert '`Client.ranking("r1")`' in caught.value.hint
    assert clock["now"] == pytest.approx(1000 + waiting.PATIENCE, abs=2.5)
