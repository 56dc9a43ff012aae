"""Clients of databases."""

TABLE = """
psql: connection text
    code
    flag    -1 -a -A -b -e -E -H -l -L -n -q -s -S -t -w -W -x -X -z -0 --tuples-only --no-align --csv --html --list --quiet --single-transaction --no-psqlrc --expanded
    host    -h --host
    text    -F -p -P -R -T -U -v --field-separator --port --pset --username --set --variable
    connection -d --dbname
    given sql  -c --command
    given load -f --file
    write   -o --output
pg_dump, pg_restore, createdb, dropdb, pg_isready, vacuumdb, reindexdb: connection
    flag    -a -b -c -C -s -v -w -x -O -Z -q -e -i --clean --create --data-only --schema-only --no-owner --no-privileges --if-exists --verbose
    host    -h --host
    text    -F -j -n -N -p -t -T -U --format --jobs --schema --table --port --username
    connection -d --dbname
    write   -f --file
mysql, mariadb, mysqldump: text text...
    code
    flag    -B -N -s -t -v --batch --silent --table --single-transaction --no-data --skip-column-names
    host    -h --host
    text    -P -u -D --port --user --database
    given sql  -e --execute
sqlite3: write sql...
    flag    -batch -box -column -csv -header -html -json -line -list -markdown -noheader -quote -readonly -table -tabs -safe
    text    -separator -nullvalue -newline
    single
mongosh, mongo: connection
    host    --host
    text    --port -u --username
    code    --eval
"""
