"""The door that asks for what is told here."""

from tests.http.conftest import door

__all__ = ["door"]
