"""git and what belongs to it."""

TABLE = """
git:
    flag    -p -P --paginate --no-pager --version --no-optional-locks --literal-pathspecs --bare
    setting -c
    place   -C
    place   --git-dir --work-tree
git status: ref...
    flag    -s -b -v -z --short --branch --long --show-stash --verbose --ahead-behind
    text?   -u --untracked-files --ignored --porcelain --column
git add, git stage: ref...
    flag    -A -f -i -n -N -p -u -v --all --force --update --patch --verbose --intent-to-add --dry-run
git commit: ref...
    flag    -a -e -n -o -p -q -s -v -z --all --amend --no-edit --edit --no-verify --allow-empty --allow-empty-message --signoff --quiet --verbose --dry-run --patch --only --include --reset-author --no-gpg-sign
    text    -m -C -c --message --author --date --fixup --squash --reuse-message --trailer --cleanup
    read    -F -t --file --template
git log, git show, git diff, git whatchanged, git shortlog, git reflog, git blame, git annotate, git range-diff, git show-branch: ref...
    flag    -p -u -s -b -w -z -R -M -C -B -D -c -m -q -r -i -E -F -P -e -# --patch --numstat --shortstat --summary --name-only --name-status --oneline --graph --all --no-decorate --no-merges --merges --follow --reverse --cached --staged --quiet --check --raw --full-index --binary --no-color --color-words --minimal --patience --histogram --ignore-all-space --ignore-space-change --ignore-blank-lines --exit-code --no-renames --first-parent --full-history --topo-order --date-order --branches --tags --remotes --left-right --cherry --cherry-pick --abbrev-commit --no-abbrev-commit --no-patch --function-context --no-ext-diff --pickaxe-regex --show-signature --numbered --email --incremental --porcelain --line-porcelain --root --show-stats --relative-date --merge-base
    text    -n -S -G -L -U -O -l --max-count --since --after --until --before --author --committer --grep --skip --diff-filter --format --inter-hunk-context --date --encoding
    text?   --pretty --abbrev --color --word-diff --word-diff-regex --stat --decorate --unified --diff-algorithm --find-renames --find-copies --submodule --ws-error-highlight --relative
git ls-files, git ls-tree, git cat-file, git rev-parse, git rev-list, git describe, git name-rev, git merge-base, git for-each-ref, git count-objects, git check-ignore, git check-attr, git show-ref, git symbolic-ref, git var, git diff-tree, git diff-index, git diff-files, git cherry, git verify-commit, git fsck: ref...
    flag    -c -d -m -o -s -i -k -t -v -z -r -l -e -p -q -a -H -# --cached --deleted --modified --others --stage --ignored --exclude-standard --full-name --name-only --name-status --long --show-toplevel --show-prefix --git-dir --is-inside-work-tree --abbrev-ref --verify --tags --all --always --objects --left-right --no-merges --heads --stdin --batch-check --quiet --is-ancestor --fork-point --first-parent --symbolic-full-name --patch --stat --raw --error-unmatch
    text    --exclude --match --candidates --sort --count -n
    text?   --abbrev --format --short --dirty --since --until --max-count --contains
git branch: ref...
    flag    -a -r -v -d -D -m -M -c -C -f -l -q -t -i --all --remotes --verbose --delete --move --copy --force --list --merged --no-merged --show-current --track --no-track --unset-upstream --edit-description
    text    -u --set-upstream-to --contains --sort --format --points-at
    text?   --color --column
git checkout, git switch, git restore: ref...
    flag    -b -B -d -f -l -m -p -q -t -c -C -S -W --detach --force --track --no-track --merge --patch --quiet --ours --theirs --staged --worktree --create --guess --no-guess --orphan --discard-changes --ignore-other-worktrees
    text    -s --source --conflict
git merge, git rebase, git cherry-pick, git revert, git am: ref...
    flag    -e -n -q -v -s -i -r -f -k -# --abort --continue --skip --quit --edit --no-edit --ff --no-ff --ff-only --squash --no-commit --commit --no-verify --signoff --quiet --verbose --stat --no-stat --allow-unrelated-histories --autostash --no-autostash --interactive --keep-empty --root --rebase-merges --fork-point --no-fork-point --update-refs --allow-empty --autosquash --no-autosquash --keep-base --reset-author-date --committer-date-is-author-date
    text    -m -X --onto --strategy-option --mainline --message
git stash: ref...
    flag    -k -u -a -p -q -S --keep-index --include-untracked --all --patch --quiet --index --staged --stat
    text    -m --message
git tag: ref...
    flag    -a -s -f -d -l -v -i --annotate --sign --force --delete --list --verify --merged --no-merged
    text    -m -u --message --sort --format --contains --points-at
    text?   -n
    read    -F --file
git reset, git rm, git mv, git clean, git bundle, git gc, git prune, git repack, git pack-refs, git notes, git apply, git sparse-checkout, git maintenance: ref...
    flag    -q -p -N -f -r -n -k -v -d -x -X -e -i -a -b -R -3 -# --soft --mixed --hard --keep --merge --quiet --patch --force --cached --dry-run --ignore-unmatch --interactive --aggressive --auto --check --stat --index --reverse --reject --3way --numstat --summary --cone --no-cone
    text    -m --message --exclude
    text?   --whitespace --prune
git push, git fetch, git pull, git ls-remote: repository ref...
    flag    -a -d -f -n -p -q -r -t -u -v -4 -6 -j --all --delete --force --dry-run --prune --quiet --no-rebase --tags --no-tags --set-upstream --verbose --atomic --follow-tags --force-if-includes --mirror --multiple --unshallow --ff --ff-only --no-ff --no-verify --no-edit --autostash --no-autostash --progress --heads --refs --get-url --symref --exit-code --squash --porcelain
    text    -o --depth --deepen --jobs --shallow-since --push-option --sort
    text?   --rebase --force-with-lease --recurse-submodules
    text    -s -X
git clone: repository write
    flag    -l -n -q -s -v --bare --mirror --no-checkout --no-hardlinks --local --no-local --quiet --recursive --recurse-submodules --shallow-submodules --single-branch --no-single-branch --no-tags --progress --sparse --verbose --remote-submodules
    text    -b -o -j --branch --depth --filter --origin --jobs --shallow-since
git init: write
    flag    -q --bare --quiet
    text    -b --initial-branch
git remote: text text repository
    flag    -v --verbose --add --push --delete --all -f -n
    text    -t -m
git submodule: text text...
    flag    -q --init --recursive --remote --force --quiet --cached --checkout --rebase --merge --depth --progress
git submodule foreach: line
    flag    -q --quiet --recursive
git submodule add: repository write
    flag    -f --force
    text    -b --name --depth --branch
git worktree: text write text
    flag    -b -B -d -f -v --detach --force --lock --list --porcelain --track --no-checkout --checkout
    text    --reason
git config: setting text
    flag    -l --list --get --get-all --unset --show-origin --show-scope --local --bool --int --name-only -z
git grep: text ref...
    flag    -a -c -E -F -G -h -H -i -I -l -L -n -o -p -P -q -r -v -w -W -z -# --cached --untracked --ignore-case --word-regexp --line-number --name-only --count --all-match --or --not --break --heading --recurse-submodules --no-index
    text    -A -B -C -m --max-depth --threads --and
    text!   -e
git bisect: text ref...
git bisect run: argv
git archive: ref...
    flag    -v -l --verbose
    text    --format --prefix
    write   -o --output
git help, git version: text...
    flag    -a
git lfs: text ref...
gh:
    all
    hub     -R --repo
gh repo, gh pr, gh issue, gh run, gh release, gh workflow, gh label, gh search, gh project, gh milestone: hub...
    flag    -a -w -s -d -f -v -p --web --draft --fill --squash --merge --rebase --delete-branch --auto --comments --checks --watch --log --log-failed --exit-status --json-all --verbose --latest --prerelease --generate-notes --approve --request-changes --comment --public --private --undo
    text    -b -t -B -H -l -L -A -S -q -m -T -c -e -M --body --title --base --head --label --limit --assignee --author --search --jq --json --state --template --reviewer --milestone --branch --status --event --workflow --job --notes --target --user --project --subject
    read    -F --body-file --notes-file
gh status, gh auth: text
    flag    --active --show-scopes
"""
