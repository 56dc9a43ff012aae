"""The registries that package managers ask without being told."""

from collections.abc import Mapping

# By host, the subcommands that fetch from it or send to it; a build that fetches what it lacks is
# not one, nor is what a system's own settings choose (`apt`, `dnf`, a mirror in a file).
_ASKED = """
pypi.org: pip install, pip download, pip wheel, pip3 install, pip3 download, pip3 wheel,
    python-module pip install, python-module pip download, python-module pip wheel, uv pip install,
    uv pip compile, uv pip sync, uv add, uv sync, uv lock, poetry add, poetry install,
    poetry update, poetry lock, pdm add, pdm install, pdm lock, pdm update, pipenv install,
    pipenv lock, pipenv sync
registry.npmjs.org: npm install, npm i, npm add, npm ci, npm update, npm view, npm info,
    npm outdated, npm dedupe, npm publish, npm audit, npm search, npm whoami, npm ping,
    pnpm install, pnpm i, pnpm add, pnpm update, pnpm up, pnpm outdated, bun install, bun add
registry.yarnpkg.com: yarn add, yarn install, yarn upgrade, yarn up
index.crates.io: cargo add, cargo install, cargo fetch, cargo update, cargo info,
    cargo generate-lockfile, cargo vendor
crates.io: cargo publish, cargo search
proxy.golang.org: go get, go mod tidy, go mod download, go mod vendor
rubygems.org: gem install, bundle install, bundle update
repo.packagist.org: composer install, composer update
formulae.brew.sh: brew install, brew upgrade, brew update, brew search
"""

# The registry that a subcommand asks, by its whole name.
USUAL: Mapping[str, str] = {
    name.strip(): host
    for host, _, names in (
        line.partition(": ") for line in _ASKED.replace(",\n", ",").strip().splitlines()
    )
    for name in names.split(",")
}
