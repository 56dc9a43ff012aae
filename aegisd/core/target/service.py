"""URLs of services: databases, queues, mail, in the one form that all their readers take alike.

Readers differ in everything else. libpq takes several hosts with commas, and `?host=` for another
one; SQLAlchemy and hiredis look for an @ behind the slash as well; some decode a host, some end it
at a `;`; libpq takes a scheme in capitals for a database's name.
"""

import re

_SETTING = (
    r"(?:application_name|authSource|charset|connect_timeout|db|retryWrites|ssl|sslmode|tls|w)"
    r"=[A-Za-z0-9_.-]*"
)

# A user without a password, which the log would keep; a host that no program takes for an option.
FORM = re.compile(
    r"(?P<scheme>[a-z]+)://(?:[A-Za-z0-9_][A-Za-z0-9_-]*@)?"
    r"(?P<authority>(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?)"
    rf"(?:/[A-Za-z0-9_.~/+-]*)?(?:\?{_SETTING}(?:&{_SETTING})*)?"
)
