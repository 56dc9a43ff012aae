"""Programs that go over the net."""

TABLE = """
curl: url...
    flag    -0 -1 -2 -4 -6 -a -f -g -G -i -I -J -k -l -L -M -N -O -p -q -R -s -S -v -V -Z
    flag    -# --compressed --fail --fail-with-body --get --globoff --head --http1.1 --http2
    flag    --http3 --include --insecure --ipv4 --ipv6 --location --no-buffer --no-progress-meter
    flag    --parallel --progress-bar --raw --remote-name --remote-name-all --remote-header-name
    flag    --remote-time --retry-all-errors --retry-connrefused --show-error --silent --ssl-reqd
    flag    --tlsv1.2 --tlsv1.3 --verbose --tcp-nodelay --create-dirs --path-as-is
    text    -A -C -e -m -r -u -X -y -Y -z --user-agent --request --max-time --connect-timeout
    text    --retry --retry-delay --retry-max-time --user --range --max-redirs --limit-rate
    text    --referer --max-filesize --oauth2-bearer --data-raw --ciphers --form-string
    data    -d --data --data-ascii --data-binary --json -H --header
    encoded --data-urlencode --url-query
    written -w --write-out
    form    -F --form
    url     --url
    host    -x --proxy
    saved   -o --output
    write   -D --dump-header -c --cookie-jar --output-dir --stderr --trace --trace-ascii
    upload  -T --upload-file
    read    -b --cookie --cacert --capath -E --cert --key --netrc-file
wget: url...
    flag    -b -c -d -E -k -m -N -nc -nd -nH -np -nv -p -q -r -S -v -x -4 -6 --continue
    flag    --no-check-certificate --no-clobber --no-verbose --quiet --recursive
    flag    --server-response --spider --mirror --page-requisites --convert-links --no-parent
    flag    --timestamping --show-progress --no-directories --content-disposition
    text    -A -l -R -t -T -U -w --header --timeout --tries --user-agent --method --post-data
    text    --body-data --level --wait --accept --reject --cut-dirs --user --password --limit-rate
    text    --progress
    read    --post-file --body-file --ca-certificate --certificate --private-key --load-cookies
    write   -O -o -a -P --output-document --output-file --append-output --directory-prefix
    write   --save-cookies
http, https, xh: url item...
    all
    flag    -b -h -v -f -j --json --form --body --headers --verbose --ignore-stdin --follow
    flag    --check-status
    text    -a --auth --timeout
http GET, http HEAD, http POST, http PUT, http PATCH, http DELETE, http OPTIONS, https GET, \
https HEAD, https POST, https PUT, https PATCH, https DELETE, xh GET, xh POST, xh PUT, xh PATCH, \
xh DELETE: url item...
ssh: host far_line
    typed
    flag    -4 -6 -A -a -C -g -K -k -n -N -q -T -t -V -v -X -x -Y -y
    text    -b -c -e -l -m -p
    login   -o
    read    -i
    host    -J
scp: copied_from... copied_to
    flag    -3 -4 -6 -A -B -C -O -p -q -R -r -T -v
    text    -c -l -P
    login   -o
    read    -i
    host    -J
rsync: copied_from... copied_to
    flag    -0 -4 -6 -a -b -c -C -d -E -g -h -H -I -i -k -K -l -L -m -n -o -O -p -P -q -r -R -s -S
    flag    -t -u -v -W -x -X -y -z --archive --checksum --compress --copy-links --delete
    flag    --delete-after --delete-before --delete-during --delete-excluded --dry-run --existing
    flag    --force --hard-links --human-readable --ignore-errors --ignore-existing --inplace
    flag    --itemize-changes --links --list-only --no-owner --no-group --no-perms --no-times
    flag    --omit-dir-times --one-file-system --owner --group --partial --perms --progress
    flag    --prune-empty-dirs --quiet --recursive --relative --remove-source-files --size-only
    flag    --stats --times --update --verbose --whole-file
    text    --bwlimit --chmod --chown --exclude --include --max-size --min-size --port --timeout
    text    --modify-window --info --out-format
    copied_from --files-from
    shell   -e --rsh
    read    --exclude-from --include-from --password-file
    write   --backup-dir --log-file --partial-dir --temp-dir
nc, ncat, netcat: host text
    flag    -4 -6 -v -z -n -u
    text    -w
ping, traceroute, telnet: host
    flag    -4 -6 -n -q
    text    -c -i -W -w -m
whois, nslookup, host: host
openssl:
    code
openssl version:
    flag    -a -v
    single
openssl rand: text
    flag    -hex -base64
    single
openssl md5, openssl sha1, openssl sha256, openssl sha512, openssl dgst: read...
    flag    -hex -r -sha1 -sha256 -sha512
    single
openssl x509: read
    flag    -noout -text -dates -subject -issuer -enddate -startdate -fingerprint -serial -sha256
    read    -in
    name    -checkend
    single
aws:
    text    --profile --region --output
aws s3:
aws s3 ls, aws s3 cp, aws s3 sync, aws s3 mv: copied_from copied_to
    flag    --recursive --dryrun --delete --quiet --human-readable --summarize
    text    --profile --region --exclude --include --acl --output
"""
