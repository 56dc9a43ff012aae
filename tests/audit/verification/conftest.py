"""What the tests of asking a server share with those of the command line."""

from tests.aegisctl.conftest import shelf, type_

__all__ = ["shelf", "type_"]
