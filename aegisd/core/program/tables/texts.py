"""Programs that search and change text."""

TABLE = """
grep, egrep, fgrep, zgrep: text read...
    flag    -a -b -c -E -F -G -h -H -i -I -l -L -n -o -P -q -r -R -s -T -U -v -w -x -y -z -Z -#
    flag    --recursive --ignore-case --line-number --count --only-matching --invert-match --word-regexp --fixed-strings --extended-regexp --perl-regexp --files-with-matches --files-without-match --quiet --no-filename --with-filename --no-messages --null
    text    -A -B -C -m -d -D --include --exclude --exclude-dir --label --max-count --after-context --before-context --context
    text!   -e --regexp
    text?   --color --colour --binary-files
    read!   -f --file
    read    --exclude-from
rg: text read...
    flag    -a -c -F -h -H -i -I -l -L -n -N -o -p -P -q -s -S -u -U -v -w -x -z -0 --hidden --no-ignore --ignore-case --smart-case --fixed-strings --files-with-matches --count --json --multiline --no-heading --heading --line-number --no-line-number --vimgrep --stats --trim --no-messages --column --glob-case-insensitive --follow
    flag!   --files --type-list
    text    -A -B -C -d -E -g -j -m -M -r -t -T --glob --type --type-not --max-depth --max-count --replace --sort --sortr --context --after-context --before-context --color --colors
    text!   -e --regexp
    read!   -f --file
ag, ack: text read...
    flag    -i -l -n -v -w -Q -c -r --hidden
    text    -A -B -C -G
sed: sed read...
    flag    -n -E -r -s -u -z --quiet --silent --regexp-extended --debug --posix --sandbox
    sed!    -e --expression
    load!   -f --file
    writes suffix? -i --in-place
awk, gawk, mawk, nawk: awk read...
    text    -F --field-separator
    text    -v --assign
    load!   -f --file
jq: jq read...
    flag    -a -C -c -e -j -M -n -r -R -s -S --compact-output --raw-output --raw-input --slurp --null-input --sort-keys --exit-status --tab --join-output --color-output --monochrome-output
    text    --indent
    text text --arg --argjson
    text read --slurpfile --rawfile
    load!   -f --from-file
yq: jq read...
    flag    -r -P -M -C -n -e -N
    text    -o -p -I
    writes  -i
sort: read...
    flag    -b -c -C -d -f -g -h -i -m -M -n -r -R -s -u -V -z --unique --numeric-sort --reverse --human-numeric-sort --version-sort --stable --check
    text    -k -t -S --key --field-separator --parallel --buffer-size
    place   -T --temporary-directory
    write   -o --output
uniq: read write
    flag    -c -d -D -i -u -z --count --repeated --unique --ignore-case
    text    -f -s -w
cut, paste, column, fold, fmt, expand, unexpand, join, shuf: read...
    flag    -n -s -z -t -x
    text    -b -c -d -f -w -1 -2 -j -o -N --bytes --characters --delimiter --fields --output-delimiter --complement
tr: text text
    flag    -c -C -d -s -t --delete --squeeze-repeats --complement
iconv: read...
    text    -f -t
patch: read read
    flag    -R -N -s -b --dry-run --reverse --forward
    text    -p
    read    -i --input
"""
