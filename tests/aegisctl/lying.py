"""A server that answers what a test says, true or not."""

from types import ModuleType

import pytest

from aegisd.remote.client import Client

# The body of the answer to each path.
Answers = dict[str, bytes]


def lying(monkeypatch: pytest.MonkeyPatch, verb: ModuleType) -> Answers:
    """Have a verb ask this server; what it answers can be set any time."""
    answers: Answers = {}

    class Liar(Client):
        def __init__(self, url: str) -> None:
            self.url = url

        def get(self, path: str, **_query: str | int | None) -> bytes:
            return answers[path]

        def ask(self, path: str, _value: object) -> bytes:
            return answers[path]

    monkeypatch.setattr(verb, "Client", Liar)
    return answers
