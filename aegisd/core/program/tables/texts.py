"""Programs that search and change text."""

TABLE = """
grep, egrep, fgrep: text read...
    flag    -a -b -c -E -F -G -h -H -i -I -l -L -n -o -P -q -r -R -s -T -U -v -w -x -y -z -Z -#
    flag    --recursive --ignore-case --line-number --count --only-matching --invert-match
    flag    --word-regexp --fixed-strings --extended-regexp --perl-regexp --files-with-matches
    flag    --files-without-match --quiet --no-filename --with-filename --no-messages --null
    flag    --line-buffered --line-regexp
    text    -A -B -C -m -d -D --include --exclude --exclude-dir --label --max-count
    text    --after-context --before-context --context
    text!   -e --regexp
    text?   --color --colour --binary-files
    read!   -f --file
    read    --exclude-from
rg: text read...
    flag    -a -c -F -h -H -i -I -l -L -n -N -o -p -P -q -s -S -u -U -v -w -x -z -0 --hidden
    flag    --no-ignore --ignore-case --smart-case --fixed-strings --files-with-matches --count
    flag    --json --multiline --no-heading --heading --line-number --no-line-number --vimgrep
    flag    --stats --trim --no-messages --column --glob-case-insensitive --follow
    flag    --files-without-match --only-matching --invert-match --word-regexp --pcre2
    flag    --no-ignore-vcs --case-sensitive --count-matches --null --pretty --text
    flag!   --files --type-list
    text    -A -B -C -d -E -g -j -m -M -r -t -T --glob --type --type-not --max-depth --max-count
    text    --replace --sort --sortr --context --after-context --before-context --color --colors
    text    --iglob --max-columns --threads --max-filesize
    text!   -e --regexp
    read!   -f --file
ag, ack: text read...
    flag    -i -l -n -v -w -Q -c -r --hidden
    text?   -A -B -C
    text    -G
sed: sed read...
    flag    -n -E -r -s -u -z --quiet --silent --regexp-extended --debug --posix --sandbox
    sed!    -e --expression
    load!   -f --file
    writes plain? -i --in-place
awk, gawk, mawk, nawk: awk read...
    text    -F --field-separator
    text    -v --assign
    load!   -f --file
jq: jq read...
    flag    -a -C -c -e -j -M -n -r -R -s -S --compact-output --raw-output --raw-input --slurp
    flag    --null-input --sort-keys --exit-status --tab --join-output --color-output
    flag    --monochrome-output
    text    --indent
    text text --arg --argjson
    text read --slurpfile --rawfile
    load!   -f --from-file
yq: yq read...
    flag    -r -y -P -M -C -n -e -N
    text    -o -p -I
    writes  -i
yq eval, yq e, yq eval-all, yq ea: yq read...
    flag    -r -P -M -C -n -e -N
    text    -o -p -I
    writes  -i
sort: read...
    flag    -b -c -C -d -f -g -h -i -m -M -n -r -R -s -u -V -z --unique --numeric-sort --reverse
    flag    --human-numeric-sort --version-sort --stable --check --ignore-case
    text    -k -t -S --key --field-separator --parallel --buffer-size
    place   -T --temporary-directory
    write   -o --output
uniq: read write
    flag    -c -d -D -i -u -z --count --repeated --unique --ignore-case
    text    -f -s -w
cut: read...
    flag    -n -s -z --complement --only-delimited
    text    -b -c -d -f --bytes --characters --delimiter --fields --output-delimiter
paste: read...
    flag    -s -z --serial
    text    -d --delimiters
column: read...
    flag    -t -x -e --table
    text    -s -o -c -N -H -R -l --separator --output-separator
fold: read...
    flag    -b -c -s
    text    -w --width
fmt: read...
    flag    -c -s -t -u
    text    -p -w -g
expand, unexpand: read...
    flag    -a -i
    text    -t
join: read read
    flag    -i -z --header --check-order --nocheck-order
    text    -a -e -j -o -t -v -1 -2
shuf: read
    flag    -e -r -z
    text    -n -i
    write   -o
tr: text text
    flag    -c -C -d -s -t --delete --squeeze-repeats --complement
iconv: read...
    flag    -c
    text    -f -t
patch: write read
    flag    -R -N -s -b --dry-run --reverse --forward
    text    -p
    read    -i --input
"""
