"""Clients of databases."""

TABLE = """
psql: connection text
    statements
    flag    -1 -a -A -b -e -E -H -n -q -s -S -t -w -W -x -X -z -0 --tuples-only --no-align
    flag    --csv --html --quiet --single-transaction --no-psqlrc --expanded
    host    -h --host
    text    -F -p -P -R -T -U --field-separator --port --pset --username
    value   -v --set --variable
    connection -d --dbname
    given sql -c --command
    given load -f --file
    write   -o --output -L --log-file
pg_dump, createdb, dropdb, pg_isready, vacuumdb, reindexdb: connection
    flag    -a -b -c -C -s -v -w -x -O -q -e -i -z --clean --create --data-only --schema-only
    flag    --no-owner --no-privileges --if-exists --verbose --analyze
    host    -h --host
    text    -E -F -j -n -N -p -t -T -U -Z --format --jobs --schema --table --port --username
    connection -d --dbname
    write   -f --file
pg_restore: load
    flag    -a -c -C -e -l -s -v -w -x -O -1 --clean --create --data-only --schema-only
    flag    --no-owner --no-privileges --if-exists --verbose --list
    host    -h --host
    text    -F -I -j -n -N -p -t -T -U --format --jobs --schema --table --port --username
    connection -d --dbname
    write   -f --file
mysql, mariadb: text
    statements
    flag    -B -N -s -t -v --batch --silent --table --skip-column-names
    host    -h --host
    text    -P -u -D --port --user --database
    text?   -p --password
    given sql -e --execute
mysqldump: text...
    flag    -B --single-transaction --no-data --databases --quick --routines
    host    -h --host
    text    -P -u --port --user
    text?   -p --password
sqlite3: database sql...
    statements
    flag    -batch -box -column -csv -header -html -json -line -list -markdown -noheader -quote
    flag    -readonly -table -tabs -safe
    text    -separator -nullvalue -newline
    single
redis-cli: redis text...
    typed
    flag    --raw --csv --no-raw --scan --stat --latency --bigkeys --tls -c
    host    -h
    url     -u
    text    -p -n -a -r -i --user --pass --pattern
"""
