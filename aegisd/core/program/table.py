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

# Variables that change neither what a program starts, loads or reaches, nor where it writes.
_HARMLESS = [
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "CGO_ENABLED",
    "CI",
    "COLUMNS",
    "DEBIAN_FRONTEND",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "FLASK_APP",
    "FLASK_DEBUG",
    "FLASK_ENV",
    "FORCE_COLOR",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_PAGER_IN_USE",
    "GOARCH",
    "GOARM",
    "GOOS",
    "HOST_ENV",
    "JOBS",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_NUMERIC",
    "LC_TIME",
    "LINES",
    "LOG_LEVEL",
    "MODE",
    "NODE_ENV",
    "NO_COLOR",
    "PGCONNECT_TIMEOUT",
    "PGDATABASE",
    "PGPORT",
    "PGSSLMODE",
    "PGUSER",
    "PORT",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
    "PYTHONWARNINGS",
    "RAILS_ENV",
    "RACK_ENV",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "TERM",
    "TZ",
    "V",
    "VERBOSE",
    "APP_ENV",
    "ENV",
    "CARGO_TERM_COLOR",
    "CARGO_INCREMENTAL",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "NPM_CONFIG_LOGLEVEL",
]

# What the value of a variable means; `loads` is a list of places between colons.
VARIABLES: Mapping[str, str] = {
    **dict.fromkeys(_HARMLESS, "text"),
    **dict.fromkeys(("PYTHONPATH", "NODE_PATH", "CLASSPATH", "GOPATH", "RUBYLIB"), "loads"),
    **dict.fromkeys(("PGHOST", "PGHOSTADDR"), "host"),
}
