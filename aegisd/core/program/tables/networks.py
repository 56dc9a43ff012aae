"""Programs that go over the net."""

TABLE = """
curl: url...
    flag    -# -0 -4 -6 -a -f -g -G -i -I -J -k -l -L -M -n -N -O -p -q -R -s -S -v -V -Z --compressed --fail --fail-with-body --get --globoff --head --http1.1 --http2 --http3 --include --insecure --ipv4 --ipv6 --location --no-buffer --no-progress-meter --parallel --progress-bar --raw --remote-name --remote-name-all --remote-header-name --remote-time --show-error --silent --ssl-reqd --tlsv1.2 --tlsv1.3 --verbose --tcp-nodelay --create-dirs --path-as-is
    text    -A -C -e -m -r -u -X -y -Y -z --user-agent --request --max-time --connect-timeout --retry --retry-delay --retry-max-time --retry-all-errors --user --range --max-redirs --limit-rate --referer --max-filesize --oauth2-bearer --data-raw --ciphers
    data    -d --data --data-ascii --data-binary --data-urlencode --json --url-query
    data    -H --header
    format  -w --write-out
    form    -F --form
    text    --form-string
    url     --url
    host    -x --proxy
    write   -o --output -D --dump-header -c --cookie-jar --output-dir --stderr --trace --trace-ascii
    read    -T --upload-file -b --cookie --cacert --capath -E --cert --key --netrc-file
wget: url...
    flag    -b -c -d -E -k -K -m -N -nc -nd -nH -np -nv -p -q -r -S -v -x -4 -6 -H --continue --no-check-certificate --no-clobber --no-verbose --quiet --recursive --server-response --spider --mirror --page-requisites --convert-links --no-parent --timestamping --show-progress --no-directories --content-disposition
    text    -A -l -R -t -T -U -w --header --timeout --tries --user-agent --method --post-data --body-data --level --wait --accept --reject --cut-dirs --user --password --limit-rate --progress
    read    -i --input-file --post-file --body-file --ca-certificate --certificate --private-key --load-cookies
    write   -O -o -a -P --output-document --output-file --append-output --directory-prefix --save-cookies
    host    -D --domains
http, https, xh: text url text...
    flag    -b -h -v -f -j --json --form --body --headers --verbose --ignore-stdin --follow --check-status --download
    text    -a --auth --timeout
ssh: host far_line
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
sftp: copied_from
    flag    -4 -6 -C -p -q -r -v
    text    -P -l
    login   -o
    read    -i -b
    host    -J
rsync: copied_from... copied_to
    flag    -0 -4 -6 -a -b -c -C -d -E -g -h -H -I -i -k -K -l -L -m -n -o -O -p -P -q -r -R -s -S -t -u -v -W -x -X -y -z --archive --checksum --compress --copy-links --delete --delete-after --delete-before --delete-during --delete-excluded --dry-run --existing --force --hard-links --human-readable --ignore-errors --ignore-existing --inplace --itemize-changes --links --list-only --no-owner --no-group --no-perms --no-times --omit-dir-times --one-file-system --owner --group --partial --perms --progress --prune-empty-dirs --quiet --recursive --relative --remove-source-files --size-only --stats --times --update --verbose --whole-file
    text    --bwlimit --chmod --chown --exclude --include --max-size --min-size --port --timeout --modify-window --info --out-format
    read    --exclude-from --include-from --files-from --password-file
    write   --backup-dir --log-file --partial-dir --temp-dir
nc, ncat, netcat, telnet, ftp, ping, dig, host, nslookup, whois, traceroute: host text...
    flag    -4 -6 -v -z -n -u
    text    -w -c -p -t
openssl: text...
aws, gcloud, az: text...
    code    --endpoint-url
aws s3: text copied_from copied_to
    flag    --recursive --dryrun --delete --quiet --human-readable --summarize
    text    --profile --region --exclude --include --acl --output
redis-cli: text...
    flag    -r --raw --csv --no-raw --scan --stat --latency --bigkeys --tls --cluster -c
    host    -h
    url     -u
    text    -p -n -a --user --pass --pattern -i
"""
