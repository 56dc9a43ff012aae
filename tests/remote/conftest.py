"""What the tests of asking a server share: those of the command line, which asks most."""

from tests.aegisctl.conftest import log_file, recorded, shelf, type_

__all__ = ["log_file", "recorded", "shelf", "type_"]
