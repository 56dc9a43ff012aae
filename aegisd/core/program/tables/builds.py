"""Programs that build, test, format and check a project."""

TABLE = """
make, gmake: switch...
    flag    -B -e -i -k -n -q -R -r -s -S -t -v -w --always-make --dry-run --just-print
    flag    --keep-going --silent --quiet --print-directory --no-print-directory --question --touch
    flag    --trace
    text    -o -W
    text?   -j -l -O --jobs --load-average --output-sync
    load    -C --directory -f --file --makefile -I --include-dir
ninja: text...
    flag    -v -n
    text    -j -l -k
    project -C
    load    -f
cmake: project
    defined -D
    flag    --fresh --version --verbose -v --clean-first
    load    -S
    project -B
    project! --build
    load!   --install
    name    -j --parallel --config --preset
    text    -G -t --target
    write   --prefix
ctest:
    flag    -V -VV -N -Q --verbose --output-on-failure --rerun-failed
    text    -R -E -L -j -C --parallel --timeout
    load    --test-dir
tsc: place...
    expands
    single
    flag    -w -b -v -d --noEmit --watch --build --strict --incremental --skipLibCheck
    flag    --declaration --sourceMap --pretty --listFiles --force --clean --verbose
    flag    --esModuleInterop --allowJs --checkJs --emitDeclarationOnly --noEmitOnError
    flag    --resolveJsonModule --isolatedModules
    load    -p --project
    write   --outDir --outFile --declarationDir --tsBuildInfoFile
    name    -t -m --target --module --jsx --lib --moduleResolution
    npm
eslint, standard, stylelint, oxlint: project...
    flag    --fix --fix-dry-run --quiet --cache --no-cache --color --no-color --debug --no-eslintrc
    flag    --no-error-on-unmatched-pattern --no-inline-config --report-unused-disable-directives
    undashed --ext --max-warnings --env --rule --global --fix-type --ignore-pattern
    undashed --report-unused-disable-directives-severity
    name    -f --format --formatter
    load    -c --config --ignore-path
    write   -o --output-file --cache-location
    npm
biome:
    npm
biome check, biome lint, biome format, biome ci: project...
    flag    --write --fix --unsafe --changed --staged
prettier: project...
    flag    -c -w -l -u --check --write --list-different --no-config --no-color --cache
    flag    --ignore-unknown --single-quote --no-semi
    name    --parser --loglevel --log-level --print-width --tab-width --trailing-comma
    name    --end-of-line
    load    --config --ignore-path
    npm
jest: undashed...
    flag    -w -u -i -b -o --watch --ci --runInBand --verbose --silent --passWithNoTests
    flag    --updateSnapshot --onlyChanged --detectOpenHandles --forceExit --no-coverage --no-cache
    undashed -t --testNamePattern --testPathPattern --testPathPatterns --maxWorkers --testTimeout
    text?   --watchAll --coverage --bail
    npm
vitest: undashed...
    flag    -w -u --watch --run --update --silent --passWithNoTests --globals
    undashed -t --testNamePattern --project --testTimeout
    name    --reporter --environment
    text?   --coverage --bail
    npm
mocha, ava: load...
    flag    -w -b -s --watch --bail --exit --parallel --verbose --recursive
    undashed -t -g -m --grep --timeout --retries --jobs --match
    name    -R --reporter
    npm
playwright:
    npm
playwright test: load...
    flag    -u -x --headed --debug --ui --list --last-failed
    undashed -g --grep --grep-invert --project --workers --retries --timeout
    name    --reporter
cypress:
    npm
cypress run: load...
    flag    --headed --headless --quiet -q
    load    --spec --project
    name    --browser
webpack, webpack serve, webpack build, webpack watch:
    npm
    flag    -w --watch --progress --stats
    name    --mode --env --port
vite, next, nuxt, astro, parcel: load...
    npm
    flag    --watch --debug --force --host --clearScreen
    name    --mode --port -p -m
rollup, esbuild: load...
    npm
    flag    -w --watch --bundle --minify --sourcemap
    load    -c
    write   --outfile --outdir -d -o
    name    --format --platform --target
turbo:
    npm
turbo run, turbo build, turbo test, turbo lint, turbo dev: name...
    flag    --force --parallel --continue
    undashed --filter --concurrency
nx:
    npm
nx build, nx test, nx lint, nx serve, nx run, nx run-many, nx affected, nx graph: undashed...
    flag    --all --parallel --skip-nx-cache --verbose
    undashed -t --target --targets --projects --configuration --base --head --exclude
pytest, py.test, python-module pytest: load...
    expands
    flag    -q -v -vv -vvv -x -s -l -h --lf --ff --nf --sw --no-header --no-summary --exitfirst
    flag    --verbose --quiet --collect-only --co --last-failed --failed-first --new-first
    flag    --stepwise
    flag    --disable-warnings --strict-markers --strict-config --showlocals --cache-clear --no-cov
    flag    --setup-show --fixtures --markers --runxfail --pyargs --cov-append --cov-branch
    text    -k -m -n -r -W --tb --maxfail --durations --color --dist --timeout --reruns --count
    text    --cov-fail-under --ignore-glob --import-mode --log-level --log-cli-level --numprocesses
    report  --cov-report
    text?   --cov
    load    -c --rootdir --confcutdir
    read    --ignore --deselect
    write   --junitxml --junit-xml --basetemp
python-module unittest, python-module unittest discover: load...
    flag    -v -q -f -b -c --verbose --quiet --failfast --buffer --locals
    text    -k -p --pattern
    load    -s -t --start-directory --top-level-directory
python-module venv: write
    flag    --system-site-packages --clear --upgrade --without-pip --upgrade-deps --copies
    flag    --symlinks
    text    --prompt
python-module build: project
    flag    -n -s -w -x -v --sdist --wheel --no-isolation --skip-dependency-check
    write   -o --outdir
python-module compileall, python-module tabnanny, python-module py_compile: place...
    flag    -q -f -l
python-module json.tool: read write
    flag    --sort-keys --compact --no-ensure-ascii --json-lines
    text    --indent
mypy, python-module mypy: read...
    expands
    flag    --strict --pretty --ignore-missing-imports --no-incremental --show-error-codes
    flag    --install-types --non-interactive --warn-unused-ignores --explicit-package-bases
    text    --python-version --exclude -p -m --package --module
    load    --config-file
pyright: read...
    flag    --stats --verbose --warnings --skipunannotated
    load    -p --project
flake8, python-module flake8, pyflakes, vulture: read...
    flag    -q -v --count --show-source --statistics
    text    --max-line-length --max-complexity --select --ignore --extend-ignore --exclude -j
    load    --config
pylint, python-module pylint: load...
    flag    -E --errors-only
    text    --disable --enable -d -e -j --max-line-length
    load    --rcfile
bandit: read...
    flag    -r -q -v -l -i -ll -ii
    text    -s -t -x
    load    -c
ruff, python-module ruff:
    all
    flag    -q -v -s --quiet --verbose --silent --isolated
    load    --config
ruff check, python-module ruff check: read...
    flag    --no-fix --diff --watch --preview --statistics --show-fixes --exit-zero -n --no-cache
    writes  --fix --unsafe-fixes --add-noqa --fix-only
    text    --select --ignore --extend-select --extend-ignore --line-length --target-version
    text    --output-format --exclude --extend-exclude --fixable --per-file-ignores
ruff format, python-module ruff format: write...
    flag    --diff --check --preview -n --no-cache
    text    --line-length --target-version --exclude
ruff rule, ruff version, ruff linter: text...
    flag    --all
black, isort, autopep8, rustfmt, clang-format, shfmt, python-module black, \
python-module isort: write...
    flag    -q -v -l -w -d -i -c -r --check --diff --quiet --verbose --preview --fast --in-place
    flag    --check-only --atomic
    text    -t --line-length --target-version --profile --exclude --include --edition
    load    --config
gcc, g++, cc, c++, clang, clang++: read...
    expands
    single
    flag    -c -g -O -O0 -O1 -O2 -O3 -Os -Og -g3 -ggdb -pedantic -shared -static -pipe -v -E -S -s
    flag    -pthread -w
    text    -std -D -U -fsanitize -march -mtune
    plain?  -W
    name?   -f -m
    name    -l
    read    -I -L -include -isystem
    write   -o
javac: read...
    expands
    single
    flag    -g -version -Xlint -parameters
    search  -cp -classpath -sourcepath
    write   -d
java: load rest...
    expands
    single
    flag!   -version --version
    flag    -ea -server
    search  -cp -classpath
    load!   -jar
dotnet:
    flag    --version --info
dotnet build, dotnet test, dotnet restore, dotnet clean, dotnet publish, dotnet format: load...
    flag    -q --no-restore --no-build --nologo
    text    -c -v -f --filter --configuration --framework --verbosity --logger
    write   -o --output
dotnet run: load rest...
    flag    --no-restore --no-build
    text    -c --configuration
    load    --project
swift:
swift build, swift test:
    flag    -v --parallel
    text    -c --configuration --filter
dart:
dart analyze, dart test: load...
dart format: write...
dart pub: name...
flutter:
flutter build, flutter analyze, flutter test, flutter pub: load...
    flag    --release --debug
mix:
mix test, mix compile, mix format, mix deps.get, mix ecto.migrate, mix credo, \
mix phx.server: load...
    flag    --check-formatted --warnings-as-errors --trace
cabal, stack, lein, rebar3:
cabal build, cabal test, stack build, stack test, lein test, rebar3 compile, rebar3 ct: name...
zig:
zig build: name...
zig test: load
zig fmt: write...
    flag    --check
sbt:
sbt compile, sbt test, sbt run, sbt clean, sbt package:
pre-commit:
pre-commit run: name
    flag    -a -v --all-files --verbose --show-diff-on-failure
    load    -c --config
    text    --hook-stage --from-ref --to-ref
pre-commit install, pre-commit uninstall, pre-commit validate-config, pre-commit autoupdate:
    flag    -f --install-hooks --overwrite
    name    -t --hook-type
tox:
    flag    -l -q -v -r --recreate
    text    -e -p
    load    -c --conf
nox:
    flag    -l -v -r -R --list
    text    -e -s -k -t
    load    -f
coverage:
coverage run: load rest...
    flag    -p -a --branch --append --parallel-mode
    text    --source --omit --include
    load    --rcfile
    loads!  -m
coverage report, coverage combine, coverage erase, coverage json: load...
    flag    -m -i -q -a --skip-covered --show-missing
    text    --fail-under --omit --include
    load    --rcfile
coverage html, coverage xml: load...
    flag    -i -q
    text    --fail-under --omit --include
    load    --rcfile
    write   -d -o
"""
