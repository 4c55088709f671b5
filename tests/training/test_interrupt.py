"""The first signal asks, the second stops; a process told to end ends after it has saved."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from charrnn.training.interrupt import StopRequest

needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows processes do not receive SIGTERM")


def test_the_first_ctrl_c_only_asks(capfd):
    former = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        assert not stop.requested
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
    assert signal.getsignal(signal.SIGINT) is former
    assert "again to stop at once" in capfd.readouterr().err


def test_the_second_ctrl_c_stops_at_once():
    def press_twice():
        with StopRequest():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("still running")

    with pytest.raises(KeyboardInterrupt):
        press_twice()


def test_handlers_come_back_after_an_error():
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), StopRequest():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is former


def test_outside_the_main_thread_it_does_nothing():
    problems = []

    def work():
        try:
            with StopRequest() as stop:
                assert not stop.requested
        except ValueError as error:
            problems.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not problems


@needs_signals
def test_sigterm_ends_the_process_after_the_work_is_saved():
    code = (
        "import signal\n"
        "from charrnn.training.interrupt import StopRequest\n"
        "with StopRequest() as stop:\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    print('saved', stop.requested, flush=True)\n"
        "print('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "saved True\n"
    assert done.returncode == -signal.SIGTERM


needs_hangups = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")


@needs_hangups
def test_a_closed_terminal_asks_like_a_request_to_end_and_is_delivered_afterwards(monkeypatch):
    heard = []
    former = signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.requested
            assert not heard
        assert heard == [signal.SIGHUP]
    finally:
        signal.signal(signal.SIGHUP, former)


@needs_hangups
def test_an_ignored_signal_stays_ignored():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, former)
