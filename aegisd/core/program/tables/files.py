"""Programs that look at files, change them, and move them."""

TABLE = """
ls: read...
    flag    -a -A -b -B -c -C -d -f -F -g -G -h -H -i -k -l -L -m -n -N -o -p -q -Q -r -R -s -S -t
    flag    -u -U -v -x -X -Z -1 --all --almost-all --directory --human-readable --recursive
    flag    --reverse --size --classify --group-directories-first
    text?   --color --sort --time --time-style
    text    -I -w -T
tree: read...
    flag    -a -A -C -d -D -f -F -g -h -i -l -n -N -p -q -Q -r -s -S -t -u -U -v -x -X --dirsfirst
    flag    --noreport --prune --gitignore --du
    text    -I -L -P
cat, rev: read...
    flag    -A -b -e -E -n -s -t -T -u -v --number --show-all --squeeze-blank
tac: read...
    flag    -b -r
    text    -s
nl: read...
    flag    -p
    text    -b -n -s -v -w
head, tail: read...
    flag    -q -v -z -f -F -r -# --follow --quiet --verbose --retry
    text    -n -c -s --lines --bytes --pid
less, more: shown...
    flag    -E -F -i -I -n -N -q -r -R -s -S -X -#
wc: read...
    flag    -c -l -w -m -L --lines --words --bytes --chars --max-line-length
file: read...
    flag    -b -i -L -h -k -z --brief --mime --mime-type --mime-encoding
stat: read...
    flag    -f -L -t -x
    text    -c --format --printf
du: read...
    flag    -a -b -c -h -H -k -l -L -m -s -S -x -0 --total --summarize --human-readable
    flag    --apparent-size
    text    -d -t --max-depth --exclude --threshold
df: read...
    flag    -a -h -H -i -k -l -P -T --human-readable --total
    text    -t -x --type
readlink, realpath: read...
    flag    -e -f -m -n -q -s -z
md5sum, sha1sum, sha256sum, sha512sum, b2sum: read...
    flag    -b -c -t -w -z --check --tag --quiet --status --ignore-missing
cksum: read...
    flag    -c --check --tag
    text    -a --algorithm
strings: read...
    expands
    flag    -a
    text    -n
od: read...
    flag    -a -b -c -d -o -s -v -x
    text    -A -j -N -t
    text?   -w
hexdump: read...
    flag    -b -c -C -d -o -v -x
    text    -n -s
xxd: read write
    flag    -a -b -C -e -E -i -p -r -u
    text    -c -g -l -s -o
base64, base32: read
    flag    -d -D -i --decode
    text    -w --wrap
diff: read read
    flag    -a -b -B -c -d -E -i -l -n -N -p -q -r -s -t -T -u -w -y -Z --brief --recursive
    flag    --unified --side-by-side --ignore-all-space --ignore-blank-lines --new-file --minimal
    text    -U -C -W -x -I --exclude --label
    text?   --color
cmp: read read text text
    flag    -b -l -s
    text    -i -n
comm: read read
    flag    -1 -2 -3 -z
sdiff: read read
    flag    -a -b -B -d -E -i -l -s -t -W -Z
    text    -w
find: read...
    single
    flag    -H -L -P -print -print0 -ls -prune -quit -o -a -or -and -not -depth -d -mount -xdev
    flag    -empty -executable -readable -writable -true -false -daystart -nouser -nogroup -noleaf
    flag    -follow -ignore_readdir_race
    deletes -delete
    text    -name -iname -path -ipath -wholename -regex -iregex -regextype -type -xtype -size
    text    -perm -user -group -uid -gid -links -inum -maxdepth -mindepth -mtime -mmin -atime -amin
    text    -ctime -cmin -printf -newermt -fstype -used
    read    -newer -anewer -cnewer -samefile
    inner   -exec -execdir -ok -okdir
fd, fdfind: text read...
    flag    -H -I -s -i -F -a -l -L -p -0 -1 -u --hidden --no-ignore --glob -g --absolute-path
    text    -d -t -e -E --max-depth --type --extension --exclude --changed-within
mkdir: write...
    flag    -p -v --parents --verbose
    text    -m --mode
rmdir: delete...
    flag    -p -v
touch: write...
    flag    -a -c -m -h
    text    -d -t
    read    -r
cp: read... write
    flag    -a -b -d -f -H -i -l -L -n -p -P -r -R -s -T -u -v -x --recursive --archive --force
    flag    --no-clobber --update --verbose --parents --dereference --symbolic-link --link
    text?   --preserve --reflink
    write!  -t --target-directory
mv: delete... write
    flag    -b -f -i -n -T -u -v --force --no-clobber --verbose
    write!  -t --target-directory
rm: delete...
    flag    -d -f -i -I -r -R -v --force --recursive --dir --verbose
unlink: delete
shred: delete...
    flag    -f -u -v -x -z --force --remove --verbose --zero
    text    -n --iterations
ln: read write
    flag    -b -f -i -n -r -s -T -v -L -P --symbolic --force --relative
install: read... write
    flag    -b -C -c -D -p -T -v -s
    text    -m -o -g --mode --owner --group
    write!  -t --target-directory
truncate: write...
    flag    -c -o
    text    -s --size
    read    -r
dd: operand...
split: read write
    flag    -d -e -x -u --verbose
    text    -a -b -C -l -n --bytes --lines --number --additional-suffix
tee: write...
    flag    -a -i -p --append
chmod: text write...
    flag    -R -v -c -f --recursive --verbose
chown, chgrp: text write...
    flag    -R -v -c -f -h -H -L -P --recursive --verbose
tar: read...
    bundled
    expands
    flag    -c -x -t -r -u -A -d -z -j -J -Z -v -p -k -m -w -O -S -h -l --create --extract
    flag    --list --gzip --bzip2 --xz --zstd --verbose --keep-old-files --same-permissions
    flag    --no-same-owner --totals --wildcards
    text    --strip-components --exclude --owner --group --mode --sort --format
    read    --exclude-from -X
    archive -f --file
    place   -C --directory
ar: write read...
    bundled
    expands
    flag    -d -m -p -q -r -t -x -s -c -o -u -v -D -S -U
zip: write read...
    flag    -r -j -q -v -u -f -d -o -y -X -#
    data    -x -i
unzip: read read...
    flag    -l -o -n -q -t -v -j -a -p -Z -u
    place   -d
    text    -x
gzip, gunzip, bzip2, bunzip2, xz, unxz, zstd: write...
    flag    -c -d -f -k -l -n -q -r -t -v -# --keep --force --stdout --decompress
zcat, bzcat, xzcat: read...
    flag    -f -q
ps, pgrep, top, lsof, free, vmstat: text...
    flag    -a -A -e -f -l -x -j -u -w -n -g -b -p -P -T -m -#
    text    -o -C -U -t -N
kill, pkill, killall: text...
    flag    -f -9 -l -# -TERM -KILL -HUP -INT -USR1 -x -e
    text    -s -n -u
    single
date: stamp
    flag    -u -R -I --utc --rfc-email
    text    -d --date
    text?   --iso-8601
    read    -r --reference
cal: text...
man: ref...
    flag    -k -f -a -w
vim, vi, nvim: edited...
    typed
    flag    -R -n -d -p -o -O
nano: edited...
    flag    -R -v -l
"""
