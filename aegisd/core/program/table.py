"""Every program that is described, and every variable that a command may set."""

from collections.abc import Mapping

from aegisd.core.program.grammar import Table
from aegisd.core.program.tables import (
    builds,
    containers,
    databases,
    files,
    networks,
    packages,
    shells,
    texts,
    versions,
)

PROGRAMS = Table(
    "".join(
        family.TABLE
        for family in (
            shells,
            files,
            texts,
            versions,
            packages,
            builds,
            networks,
            containers,
            databases,
        )
    )
)

# Variables that change neither what a program starts, loads or reaches, nor where it writes: with
# a short value, and with any text. A program may still expand the text, or take it for a place.
_NAMED = """
APP_ENV AWS_DEFAULT_REGION AWS_PROFILE AWS_REGION CARGO_INCREMENTAL CARGO_TERM_COLOR CGO_ENABLED CI
CLICOLOR CLICOLOR_FORCE COLUMNS DEBIAN_FRONTEND DJANGO_SETTINGS_MODULE ENV FLASK_DEBUG FLASK_ENV
FORCE_COLOR GIT_TERMINAL_PROMPT GOARCH GOARM GOOS JOBS LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE
LC_MESSAGES LC_NUMERIC LC_TIME LINES LOG_LEVEL MODE NODE_ENV NO_COLOR NPM_CONFIG_LOGLEVEL
PGCONNECT_TIMEOUT PGPORT PGSSLMODE PGUSER PORT PYTHONDONTWRITEBYTECODE PYTHONHASHSEED
PYTHONIOENCODING PYTHONUNBUFFERED PYTHONUTF8 RACK_ENV RAILS_ENV RUST_BACKTRACE TERM V VERBOSE
"""
_TEXTS = """
DEBUG GIT_AUTHOR_DATE GIT_AUTHOR_EMAIL GIT_AUTHOR_NAME GIT_COMMITTER_DATE GIT_COMMITTER_EMAIL
GIT_COMMITTER_NAME PYTHONWARNINGS RUST_LOG
"""

# What the value of a variable means.
VARIABLES: Mapping[str, str] = {
    **dict.fromkeys(_NAMED.split(), "plain"),
    **dict.fromkeys(_TEXTS.split(), "value"),
    **dict.fromkeys(("PYTHONPATH", "NODE_PATH", "CLASSPATH", "GOPATH", "RUBYLIB"), "search"),
    **dict.fromkeys(("PGHOST", "PGHOSTADDR"), "host"),
    "FLASK_APP": "load",
    "PGDATABASE": "connection",
    "PGPASSWORD": "text",
    "TZ": "ref",
}
