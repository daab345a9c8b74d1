"""Questions to the engine: asked by many, computed once, never without limit."""

from typing import Any

from streams.questions import QUESTIONS_MAX, History, People, Questions
from tests.engine.events import at, engine_of


class Turn:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def answered(questions: Questions, question: Any) -> bytes | None:
    future = questions.ask(question)
    assert future is not None
    questions.answer(engine_of(at("9:00", "agent.state", agent="ann", state="busy")))
    return future.result(0)


def test_all_who_ask_the_same_get_one_answer() -> None:
    questions = Questions()
    first, second = questions.ask(People()), questions.ask(People())
    assert first is second


def test_an_answer_is_given_again_while_it_is_new_and_computed_anew_after_that() -> None:
    turn = Turn()
    questions = Questions(turn)
    body = answered(questions, People())
    turn.seconds += People.kept_s / 2
    again = questions.ask(People())
    assert again is not None
    assert again.result(0) is body
    turn.seconds += People.kept_s
    anew = questions.ask(People())
    assert anew is not None
    assert not anew.done()


def test_what_does_not_exist_is_answered_with_nothing() -> None:
    assert answered(Questions(), History("nothing", 300, 4)) is None


def test_questions_beyond_the_limit_are_refused_and_counted() -> None:
    questions = Questions()
    for hours in range(QUESTIONS_MAX):
        assert questions.ask(History("total", 60, hours)) is not None
    assert questions.ask(People()) is None
    assert questions.refused_count == 1


def test_who_stops_waiting_takes_the_answer_from_nobody_else() -> None:
    questions = Questions()
    future = questions.ask(People())
    assert future is not None
    assert not future.cancel()
    assert answered(questions, People()) is not None
