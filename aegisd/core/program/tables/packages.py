"""Package managers and what they start."""

TABLE = """
python-module:
pip, pip3, python-module pip:
    all
    flag    -q -v -V --quiet --verbose --no-input --no-cache-dir --disable-pip-version-check --require-virtualenv --no-color
    text    --timeout --retries --log-level
    url     --proxy
    read    --cert
pip install, pip download, pip wheel, python-module pip install, python-module pip download, python-module pip wheel: requirement...
    flag    -U -I --upgrade --user --no-deps --pre --force-reinstall --ignore-installed --no-build-isolation --require-hashes --prefer-binary --dry-run --break-system-packages --no-warn-script-location --no-compile --use-pep517
    text    --only-binary --no-binary --platform --python-version --abi --implementation --upgrade-strategy --progress-bar --report -C --config-settings
    requirement -e --editable
    source  -r -c --requirement --constraint -f --find-links
    url     -i --index-url --extra-index-url
    write   -t -d -w --target --prefix --root --dest --wheel-dir --src
pip uninstall, pip show, pip list, pip freeze, pip check, pip index, pip cache, pip config, pip debug, pip inspect, pip hash, python-module pip uninstall, python-module pip show, python-module pip list, python-module pip freeze, python-module pip check: text...
    flag    -y -o -f -l --outdated --local --user --files --yes --uptodate --all --editable --not-required --exclude-editable
    text    --format --exclude
    source  -r
uv, uv pip:
    all
    flag    -q -v --quiet --verbose --offline --no-cache --no-progress
uv pip install, uv add: requirement...
    flag    -U --upgrade --dev --user --system --no-deps --pre
    source  -r -c -e --requirement --constraint
    url     -i --index-url --extra-index-url
    text    --group --extra --python -p
uv sync, uv lock, uv venv, uv build, uv tree, uv pip list, uv pip freeze, uv remove, uv init, uv version, uv pip compile, uv pip sync: text...
    flag    --frozen --locked --all-extras --no-dev --dev --upgrade -U
    text    --extra --group --python -p
uv run: argv
    flag    --frozen --locked --no-sync --all-extras
    text    --extra --group --python -p
npm, pnpm:
    all
    flag    -g -s -q -d -y -D -P -E -O -B -r --silent --quiet --yes --no --global --json --long --offline --prefer-offline --no-audit --no-fund --legacy-peer-deps --ignore-scripts --force --if-present --workspaces --include-workspace-root --recursive --parallel --frozen-lockfile --verbose --production --dry-run
    text    -w --loglevel --workspace --filter -F --omit --include --tag --access --otp --depth --only
    url     --registry
    place   --prefix -C --dir
npm install, npm i, npm add, npm ci, npm update, npm uninstall, npm un, npm rm, npm remove, npm view, npm info, npm outdated, npm link, npm unlink, npm dedupe, npm pack, npm rebuild, pnpm install, pnpm i, pnpm add, pnpm update, pnpm up, pnpm remove, pnpm rm, pnpm outdated, pnpm why, pnpm list, pnpm link: package...
    flag    --save --save-dev --save-prod --save-exact --save-optional --save-peer --no-save --package-lock-only --latest --interactive -L -i --no-package-lock --dev
npm run, npm run-script, npm test, npm t, npm start, npm stop, npm restart, pnpm run, pnpm test, pnpm t, pnpm start, pnpm build, pnpm dev, pnpm lint: text...
    flag    --watch --runInBand --stream --no-bail
    text?   --watchAll --coverage
npm ls, npm list, npm audit, npm fund, npm help, npm version, npm whoami, npm ping, npm doctor, npm prune, npm search, npm root, npm bin, npm pkg, npm explain, npm cache, npm diff, npm login, npm logout, npm owner, npm docs: text...
    flag    --all --fix --git-tag-version --no-git-tag-version
    text    -m --message --preid --audit-level
npm publish: read
    flag    --provenance --public
npm exec, npm x, pnpm exec: argv
    flag    -y --yes --no
npx, pnpx, bunx: argv
    flag    -y -q --yes --no-install --no --quiet
yarn:
    flag    --silent --json
yarn run, yarn test, yarn build, yarn start, yarn dev, yarn lint: text...
    flag    --watch
yarn add, yarn install, yarn remove, yarn upgrade, yarn up, yarn why: package...
    flag    -D -E -P -W --dev --exact --peer --frozen-lockfile --immutable --production
cargo:
    all
    flag    -q -v -h -V --quiet --verbose --locked --offline --frozen --list --release --workspace --all --all-targets --all-features --no-default-features --lib --bins --tests --examples --benches --no-run --no-fail-fast --keep-going --open --no-deps -r -vv --doc
    text    -p -F -j -Z -E --package --exclude --bin --example --test --bench --features --jobs --target --profile --color --message-format --timings
    place   -C --target-dir
    load    --manifest-path
cargo build, cargo b, cargo check, cargo c, cargo test, cargo t, cargo bench, cargo doc, cargo d, cargo clippy, cargo fmt, cargo clean, cargo update, cargo tree, cargo metadata, cargo fetch, cargo vendor, cargo nextest, cargo search, cargo info, cargo generate-lockfile, cargo pkgid, cargo verify-project, cargo version, cargo package, cargo login: text...
    flag    --check --aggressive --dry-run --fix --allow-dirty --allow-staged -i --invert --duplicates --all --ignored --nocapture
    text    --precise --depth -e --edges --prefix
cargo run, cargo r: rest...
cargo add, cargo remove, cargo rm: text...
    flag    --dev --build --optional --no-optional
    url     --git
    read    --path
    text    --branch --tag --rev --rename --vers
cargo install, cargo uninstall: text...
    flag    -f --force --debug
    text    --version --vers --branch --tag --rev
    url     --git --index
    read    --path
    write   --root
cargo new, cargo init: write
    flag    --bin --lib
    text    --name --edition --vcs
cargo publish: text...
    flag    --dry-run --allow-dirty
go:
    flag    -h
go build, go install, go get, go vet, go list, go doc, go generate, go clean, go fix, go fmt: module...
    single
    flag    -a -n -v -x -race -msan -asan -cover -trimpath -u -t -d -m -json -e -deps -test -versions -find -cache -testcache -modcache -all -src -short -compiled -export
    linked  -ldflags
    text    -p -tags -gcflags -buildmode -mod -f -run -covermode -buildvcs
    write   -o
    load    -modfile -overlay
go test: module...
    single
    flag    -v -race -cover -short -json -failfast -benchmem -c -i -n -x -a -trimpath -fullpath
    text    -run -count -timeout -bench -benchtime -parallel -cpu -tags -p -skip -shuffle -coverpkg -covermode -gcflags -mod -list -fuzz -fuzztime
    write   -o -coverprofile -cpuprofile -memprofile -outputdir -blockprofile -mutexprofile -trace
go run: module rest...
    single
    flag    -race -v -x -n -a -trimpath
    text    -tags -mod
go mod, go work, go version, go help: text module...
    single
    flag    -v -m -json -e -x
    text    -go -compat -require -droprequire
go env: text...
    flag    -json -changed
    single
gofmt, goimports: write...
    flag    -l -w -d -s -e
    single
mvn, mvnw: goal...
    single
    flag    -q -e -X -B -o -U -V -N -ntp -am -amd -fae -ff -fn -C -c --batch-mode --offline --quiet --no-transfer-progress --also-make
    text    -P -T -pl -rf --projects --threads --activate-profiles
    load    -f --file
    defined -D
gradle, gradlew: text...
    flag    -q -i -d -s -a -S --info --debug --quiet --stacktrace --offline --no-daemon --daemon --parallel --continue --build-cache --no-build-cache --rerun-tasks --dry-run -m --scan --refresh-dependencies --stop --status
    text    -x --tests --exclude-task --console --warning-mode --max-workers --dependency
    place   -p --project-dir
    defined -P -D
apt, apt-get, apk, dnf, yum, brew, pacman: text text...
    flag    -y -q -f --yes --no-install-recommends --quiet --no-cache --cask --only-upgrade --reinstall
poetry, pdm, hatch, pipenv, bundle, gem, composer: text text...
    flag    -n -q -v -D --no-interaction --dev --no-dev --no-root --quiet --lock
    text    --group --with --without --extras --only -G -E
"""
