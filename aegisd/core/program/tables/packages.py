"""Package managers and what they start."""

TABLE = """
python-module:
pip, pip3, python-module pip:
    all
    flag    -q -v -V --quiet --verbose --no-input --no-cache-dir --disable-pip-version-check
    flag    --require-virtualenv --no-color
    text    --timeout --retries
    url     --proxy
    read    --cert
pip install, pip download, pip wheel, pip3 install, pip3 download, pip3 wheel, \
python-module pip install, python-module pip download, python-module pip wheel: requirement...
    flag    -U -I --upgrade --user --no-deps --pre --force-reinstall --ignore-installed
    flag    --no-build-isolation --require-hashes --prefer-binary --dry-run
    flag    --break-system-packages --no-warn-script-location --no-compile --use-pep517
    text    --only-binary --no-binary --platform --python-version --abi --implementation
    text    --upgrade-strategy --progress-bar
    requirement -e --editable
    context -r -c --requirement --constraint -f --find-links
    registry -i --index-url
    url     --extra-index-url
    write   -t -d -w --target --prefix --root --dest --wheel-dir --src --report
pip config, pip cache, pip3 config, python-module pip config:
pip uninstall, pip show, pip list, pip freeze, pip check, pip debug, pip inspect, pip config list, \
pip config get, pip cache list, pip cache dir, pip cache info, pip cache purge, pip3 uninstall, \
pip3 show, pip3 list, pip3 freeze, pip3 check, pip3 config list, python-module pip uninstall, \
python-module pip show, python-module pip list, python-module pip freeze, python-module pip check, \
python-module pip config list: name...
    flag    -y -o -f -l --outdated --local --user --files --yes --uptodate --all --editable
    flag    --not-required --exclude-editable
    text    --format --exclude
    context -r
pip hash: read...
uv, uv pip:
    all
    flag    -q -v --quiet --verbose --offline --no-cache --no-progress
uv pip install, uv add: requirement...
    flag    -U --upgrade --dev --user --system --no-deps --pre
    context -r -c --requirement --constraint
    requirement -e --editable
    registry -i --index-url
    url     --extra-index-url
    text    --group --extra
    name    --python -p
uv pip list, uv pip freeze, uv pip show, uv pip uninstall, uv pip check, uv pip tree, uv sync, \
uv lock, uv tree, uv remove, uv version: name...
    flag    --frozen --locked --all-extras --no-dev --dev --upgrade -U
    text    --extra --group
    name    --python -p
uv pip compile, uv pip sync: load...
    flag    --upgrade --generate-hashes
    write   -o --output-file
uv build: project
    flag    --sdist --wheel
    write   -o --out-dir
uv venv, uv init: write
    flag    --seed --lib --app
    name    --python -p
uv run: argv
    flag    --frozen --locked --no-sync --all-extras
    text    --extra --group
    name    --python -p
npm, pnpm:
    all
    flag    -g -s -q -d -y -D -P -E -O -B -r --silent --quiet --yes --no --global --json --long
    flag    --offline --prefer-offline --no-audit --no-fund --legacy-peer-deps --ignore-scripts
    flag    --force --if-present --workspaces --include-workspace-root --recursive --parallel
    flag    --frozen-lockfile --verbose --production --dry-run
    undashed -w --loglevel --workspace --filter -F --omit --include --tag --access --otp --depth
    undashed --only
    registry --registry
    project --prefix -C --dir
npm install, npm i, npm add, npm ci, npm update, npm uninstall, npm un, npm rm, npm remove, \
npm view, npm info, npm outdated, npm link, npm unlink, npm dedupe, npm pack, npm rebuild, \
npm publish, pnpm install, pnpm i, pnpm add, pnpm update, pnpm up, pnpm remove, pnpm rm, \
pnpm outdated, pnpm why, pnpm list, pnpm link: package...
    flag    --save --save-dev --save-prod --save-exact --save-optional --save-peer --no-save
    flag    --package-lock-only --latest --interactive -L -i --no-package-lock --dev --provenance
npm run, npm run-script, npm test, npm t, npm start, npm stop, npm restart, pnpm run, pnpm test, \
pnpm t, pnpm start, pnpm build, pnpm dev, pnpm lint, pnpm typecheck: passed...
    flag    --watch --runInBand --stream --no-bail
    text?   --watchAll --coverage
npm cache:
npm ls, npm list, npm audit, npm fund, npm help, npm version, npm whoami, npm ping, npm doctor, \
npm prune, npm search, npm root, npm bin, npm pkg, npm explain, npm diff, npm logout, \
npm cache ls, npm cache verify, npm cache clean: undashed...
    flag    --all --fix --git-tag-version --no-git-tag-version
    undashed -m --message --preid --audit-level
npm init:
npm exec, npm x, pnpm exec: tool
    code
    flag    -y --yes --no
npx, pnpx, bunx: tool
    code
    flag    -y -q --yes --no-install --no --quiet
yarn:
    flag    --silent --json --version
yarn run, yarn test, yarn build, yarn start, yarn dev, yarn lint, yarn typecheck: passed...
    flag    --watch
yarn add, yarn install, yarn remove, yarn upgrade, yarn up, yarn why: package...
    flag    -D -E -P -W --dev --exact --peer --frozen-lockfile --immutable --production
cargo:
    all
    flag    -q -v -h -V --quiet --verbose --locked --offline --frozen --list --release --workspace
    flag    --all --all-targets --all-features --no-default-features --lib --bins --tests --examples
    flag    --benches --no-run --no-fail-fast --keep-going --open --no-deps -r -vv --doc
    undashed -p -F -j --package --exclude --bin --example --test --bench --features --jobs
    undashed --profile --color --message-format
    name    --target
    text?   --timings
    project -C
    write   --target-dir
    load    --manifest-path
cargo build, cargo b, cargo check, cargo c, cargo test, cargo t, cargo bench, cargo doc, cargo d, \
cargo clippy, cargo fmt, cargo clean, cargo update, cargo tree, cargo metadata, cargo fetch, \
cargo nextest, cargo search, cargo info, cargo generate-lockfile, cargo pkgid, \
cargo verify-project, cargo version, cargo package: passed...
    flag    --check --aggressive --dry-run --fix --allow-dirty --allow-staged -i --invert
    flag    --duplicates --ignored --nocapture
    undashed --precise --depth -e --edges
cargo vendor: write
cargo run, cargo r: passed rest...
cargo add, cargo remove, cargo rm: undashed...
    flag    --dev --build --optional --no-optional
    url     --git
    load    --path
    undashed --branch --tag --rev --rename --vers
cargo install, cargo uninstall: undashed...
    flag    -f --force --debug
    undashed --version --vers --branch --tag --rev
    url     --git
    registry --index
    load    --path
    write   --root
cargo new, cargo init: write
    undashed --name --edition --vcs
cargo publish:
    flag    --dry-run --allow-dirty
go:
    flag    -h
go build, go install, go get, go vet, go list, go doc, go generate, go clean, go fix, \
go fmt: module...
    single
    flag    -a -n -v -x -race -msan -asan -cover -trimpath -u -t -d -m -json -e -deps -test
    flag    -versions -find -cache -testcache -modcache -all -src -short -compiled -export
    linked  -ldflags
    compiled -gcflags
    text    -p -tags -buildmode -mod -f -run -covermode
    text?   -buildvcs
    write   -o
    load    -modfile -overlay
go test: module...
    single
    flag    -v -race -cover -short -json -failfast -benchmem -c -n -x -a -trimpath -fullpath
    compiled -gcflags
    text    -run -count -timeout -bench -benchtime -parallel -cpu -tags -p -skip -shuffle
    text    -coverpkg -covermode -mod -list -fuzz -fuzztime
    write   -o -coverprofile -cpuprofile -memprofile -outputdir -blockprofile -mutexprofile -trace
go run: module sources
    single
    flag    -race -v -x -n -a -trimpath
    text    -tags -mod
go mod, go work, go version, go help: text module...
    single
    flag    -v -m -json -e -x
    text    -go -compat -require -droprequire
go mod tidy, go mod download, go mod vendor: module...
    single
    flag    -v -e -x -json
    text    -go -compat
    write   -o
go env: name...
    flag    -json -changed
    single
gofmt, goimports: write...
    flag    -l -w -d -s -e
    single
mvn, mvnw: goal...
    single
    flag    -q -e -X -B -o -U -V -N -ntp -am -amd -fae -ff -fn -C -c --batch-mode --offline --quiet
    flag    --no-transfer-progress --also-make
    text    -P -T -pl -rf --projects --threads --activate-profiles
    load    -f --file
    defined -D
gradle, gradlew: text...
    flag    -q -i -d -s -a -S -m --info --debug --quiet --stacktrace --offline --no-daemon --daemon
    flag    --parallel --continue --build-cache --no-build-cache --rerun-tasks --dry-run
    flag    --refresh-dependencies --stop --status
    text    -x --tests --exclude-task --console --warning-mode --max-workers --dependency
    project -p --project-dir
    defined -P -D
apt, apt-get, apk, dnf, yum:
apt install, apt remove, apt show, apt search, apt list, apt-get install, apt-get remove, apk add, \
apk del, dnf install, dnf remove, yum install, yum remove: bundle...
    flag    -y -q --yes --no-install-recommends --quiet --no-cache --only-upgrade --reinstall
apt update, apt upgrade, apt autoremove, apt-get update, apt-get upgrade, apt-get autoremove, \
apt-get clean, apk update, dnf update, yum update:
    flag    -y -q --yes --quiet
brew:
brew install, brew list, brew upgrade, brew info, brew update, brew search, brew uninstall: name...
    flag    --cask -q
poetry, pdm, hatch, pipenv:
    flag    -q -v -n --no-interaction --version
poetry env:
poetry run, pdm run, hatch run, pipenv run: argv
poetry add, pdm add, pipenv install: requirement...
    flag    -D -d --dev
    text    -G -E --group --extras
poetry install, poetry update, poetry lock, poetry show, poetry remove, poetry build, \
poetry check, poetry env info, poetry version, pdm install, pdm lock, pdm update, pdm remove, \
pdm list, hatch build, hatch test, pipenv lock, pipenv sync, pipenv uninstall: name...
    flag    -n -q -v -D -d --dev --no-dev --no-root --quiet --sync --no-interaction --tree
    text    --group --with --without --extras --only -G -E
bundle, gem, composer:
bundle exec: argv
bundle install, bundle update, bundle list, bundle outdated, bundle check, gem install, gem list, \
gem uninstall, composer install, composer update, composer validate, \
composer dump-autoload: name...
    flag    -n -q -v --quiet --no-dev --no-interaction --no-document -o --optimize-autoloader
"""
