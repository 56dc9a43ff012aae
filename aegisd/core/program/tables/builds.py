"""Programs that build, test, format and check a project."""

TABLE = """
make, gmake: switch...
    flag    -B -e -i -k -n -q -R -r -s -S -t -v -w --always-make --dry-run --just-print --keep-going --silent --quiet --print-directory --no-print-directory --question --touch --trace
    text    -o -W -l -O --output-sync
    text?   -j --jobs --load-average
    load    -C --directory -f --file --makefile -I --include-dir
ninja: text...
    flag    -v -n -k
    text    -j -l -t
    place   -C
    load    -f
cmake: read...
    defined -D
    flag    --fresh --version --verbose -v --clean-first
    place   -S -B --build --install
    text    -G -j -t --target --config --parallel --preset
    write   --prefix
tsc: read...
    single
    flag    -w -b -v -d --noEmit --watch --build --strict --incremental --skipLibCheck --declaration --sourceMap --pretty --listFiles --force --clean --verbose --esModuleInterop --allowJs --checkJs --emitDeclarationOnly
    load    -p --project
    write   --outDir --outFile --declarationDir --tsBuildInfoFile
    text    -t -m --target --module --jsx --lib --moduleResolution
eslint, standard, stylelint, biome, oxlint: read...
    flag    --fix --fix-dry-run --quiet --cache --no-cache --color --no-color --init --debug --no-eslintrc --no-error-on-unmatched-pattern --write --apply
    text    --ext --max-warnings --env --rule --global --fix-type --report-unused-disable-directives-severity
    load    -c --config --ignore-path
    write   -o --output-file --cache-location
prettier: write...
    flag    -c -w -l -u --check --write --list-different --no-config --no-color --cache --ignore-unknown --loglevel
    text    --parser --print-width --tab-width --trailing-comma --log-level --end-of-line
    load    --config --ignore-path
jest, vitest, mocha, ava, playwright, cypress: text...
    flag    -w -u -i -b -o --watch --ci --runInBand --verbose --silent --passWithNoTests --run --ui --updateSnapshot --headed --debug --onlyChanged --detectOpenHandles --forceExit
    text    -t -g --testNamePattern --testPathPattern --maxWorkers --project --grep --workers --retries --timeout --reporter
    text?   --watchAll --coverage --bail
webpack, vite, rollup, esbuild, next, nuxt, turbo, nx, astro, parcel: text...
    flag    --watch --prod --production --open --host --clearScreen --debug
    text    --mode --port -p --filter
pytest, py.test, python-module pytest: read...
    flag    -q -v -vv -vvv -x -s -l -h --lf --ff --nf --sw --pdb --no-header --no-summary --exitfirst --verbose --quiet --collect-only --co --last-failed --failed-first --new-first --stepwise --disable-warnings --strict-markers --strict-config --showlocals --cache-clear --no-cov --setup-show --fixtures --markers --runxfail
    text    -k -m -n -r -W --tb --maxfail --durations --color --dist --timeout --reruns --count --cov-fail-under --cov-report --ignore-glob --import-mode --log-level --log-cli-level
    text?   --cov
    load    -c --rootdir --ignore --deselect --confcutdir
    write   --junitxml --junit-xml --basetemp
python-module unittest: text...
    flag    -v -q -f -b -c --verbose --quiet --failfast --buffer --locals
    text    -k -p --pattern
    read    -s -t --start-directory --top-level-directory
python-module venv: write
    flag    --system-site-packages --clear --upgrade --without-pip --upgrade-deps --copies --symlinks
    text    --prompt
python-module build, python-module compileall, python-module json.tool, python-module tabnanny, python-module py_compile: place...
    flag    -q -s -w -f --sdist --wheel --no-isolation --sort-keys --compact --no-ensure-ascii
    text    --indent
python-module mypy, mypy, pyright, pyflakes, flake8, pylint, bandit, vulture, python-module ruff, python-module black, python-module flake8, python-module isort: read...
    flag    --strict --pretty --check --diff --ignore-missing-imports --no-incremental --install-types --non-interactive --warn-unused-ignores
    text    --python-version --max-line-length --select --ignore --disable --enable --rcfile -j -p -m
    load    --config-file --config
ruff:
    all
    flag    -q -v -s --quiet --verbose --silent --isolated
    load    --config
ruff check, ruff format, ruff linter, ruff rule, ruff version: read...
    flag    --fix --no-fix --unsafe-fixes --diff --check --watch --preview --statistics --show-fixes --exit-zero --no-cache --all --add-noqa
    text    --select --ignore --extend-select --extend-ignore --line-length --target-version --output-format --exclude --fixable
black, isort, autopep8, rustfmt, clang-format, shfmt: write...
    flag    -q -v -l -w -d -i --check --diff --quiet --verbose --preview --fast --in-place
    text    -t --line-length --target-version --profile --exclude --include --edition
    load    --config
gcc, g++, cc, c++, clang, clang++: read...
    single
    flag    -c -g -O -O0 -O1 -O2 -O3 -Os -Wall -Wextra -Werror -pedantic -shared -fPIC -v -E -S -pthread
    text    -std -l -D -march -Wno-error
    read    -I -L -include
    write   -o
javac, java: read rest...
    single
    flag    -ea -version -Xlint
    read    -cp -classpath -jar -sourcepath
    write   -d
dotnet, swift, dart, flutter, mix, rebar3, stack, cabal, zig, sbt, lein: text...
    flag    -c -v -q --release --verbose --no-restore --no-build --nologo
    text    --filter --configuration --framework
pre-commit: text...
    flag    -a -v --all-files --verbose --show-diff-on-failure
    load    -c --config
    text    --hook-stage --from-ref --to-ref
tox, nox: text...
    flag    -l -q -v -r --list --recreate --parallel
    text    -e -s -k
    load    -c --conf -f
coverage: text...
    flag    -m -i -q --branch --append --skip-covered --show-missing
    text    --fail-under --source --omit --include
"""
