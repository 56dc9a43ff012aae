"""Programs that look at files, change them, and move them."""

TABLE = """
ls, tree: read...
    flag    -a -A -b -B -c -C -d -f -F -g -G -h -H -i -k -l -L -m -n -N -o -p -q -Q -r -R -s -S -t -u -U -v -x -X -Z -1
    flag    --all --almost-all --directory --human-readable --recursive --reverse --size --classify
    text?   --color --sort --time --time-style
    text    -I -w -T
cat, tac, nl, rev: read...
    flag    -A -b -e -E -n -s -t -T -u -v --number --show-all --squeeze-blank
head, tail: read...
    flag    -q -v -z -f -F -r -# --follow --quiet --verbose --retry
    text    -n -c -s --lines --bytes --pid
less, more: shown...
    flag    -E -F -i -I -n -N -q -r -R -s -S -X -#
wc: read...
    flag    -c -l -w -m -L --lines --words --bytes --chars
file: read...
    flag    -b -i -L -h -k -z --brief --mime --mime-type --mime-encoding
stat: read...
    flag    -f -L -t -x
    text    -c --format --printf
du, df: read...
    flag    -a -b -c -d -h -H -k -l -L -m -s -S -T -x -0 --total --summarize --human-readable --apparent-size
    text    --max-depth --exclude --threshold -t
readlink, realpath: read...
    flag    -e -f -m -n -q -s -z
md5sum, sha1sum, sha256sum, sha512sum, cksum, b2sum, strings, od, hexdump: read...
    flag    -b -c -t -a -x -C -v --check --tag --quiet --status
    text    -n -N -A
xxd: read write
    flag    -b -c -C -e -g -i -p -r -u
    text    -l -s -o
base64, base32: read
    flag    -d -D -i --decode
    text    -w --wrap
diff, cmp, comm, sdiff: read read
    flag    -a -b -B -c -d -E -i -l -n -N -p -q -r -s -t -T -u -w -y -Z -1 -2 -3 --brief --recursive --unified --side-by-side
    text    -U -C -W -x -I --exclude --label
    text?   --color
find: read...
    single
    flag    -H -L -P -print -print0 -ls -prune -quit -o -a -or -and -not -depth -d -mount -xdev -empty -executable -readable -writable -true -false -daystart -nouser -nogroup -noleaf -follow
    deletes -delete
    text    -name -iname -path -ipath -wholename -regex -iregex -regextype -type -xtype -size -perm -user -group -uid -gid -links -inum -maxdepth -mindepth -mtime -mmin -atime -amin -ctime -cmin -printf -newermt -fstype -used
    read    -newer -anewer -cnewer -samefile
    inner   -exec -execdir -ok -okdir
fd, fdfind: text read...
    flag    -H -I -s -i -F -a -l -L -p -0 -1 -u --hidden --no-ignore --glob -g
    text    -d -t -e -E --max-depth --type --extension --exclude
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
    flag    -a -b -d -f -H -i -l -L -n -p -P -r -R -s -T -u -v -x --recursive --archive --force --no-clobber --update --verbose --parents
    text?   --preserve --reflink
    write!  -t --target-directory
mv: delete... write
    flag    -b -f -i -n -T -u -v --force --no-clobber --verbose
    write!  -t --target-directory
rm, unlink, shred: delete...
    flag    -d -f -i -I -r -R -v --force --recursive --dir --verbose
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
    dashed
    flag    -c -x -t -r -u -A -d -z -j -J -Z -v -p -k -m -w -O -W -S -h -l --create --extract --list --gzip --bzip2 --xz --zstd --verbose --keep-old-files --same-permissions --no-same-owner --totals --wildcards
    text    --strip-components --exclude --owner --group --mode --mtime --sort --format
    archive -f --file
    place   -C --directory
zip: write read...
    flag    -r -j -q -v -u -f -d -o -y -X -#
    text    -x -i
unzip: read read...
    flag    -l -o -n -q -t -v -j -a -p -Z
    place   -d
    text    -x
gzip, gunzip, bzip2, bunzip2, xz, unxz, zstd, zcat, xzcat: write...
    flag    -c -d -f -k -l -n -q -r -t -v -# --keep --force --stdout --decompress
ps, pgrep, top, lsof, free, vmstat: text...
    flag    -a -A -e -f -l -x -j -u -w -n -g -b -p -P -F -T -#
    text    -o -C -U -t -N
kill, pkill, killall: text...
    flag    -f -9 -l -# -TERM -KILL -HUP -INT -USR1
    text    -s -n -u
    single
date: text
    flag    -u -R -I --utc --rfc-email
    text    -d --date
    text?   --iso-8601
    read    -r --reference
cal: text...
man: ref...
    flag    -k -f -a -w
vim, vi, nvim, nano, emacs, code: edited...
    flag    -R -n -d -p -o -O
"""
