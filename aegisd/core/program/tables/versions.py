"""git and what belongs to it."""

TABLE = """
git:
    flag    -p -P --paginate --no-pager --version --no-optional-locks --literal-pathspecs --bare
    setting -c
    project -C --git-dir --work-tree
git status: ref...
    flag    -s -b -v -z --short --branch --long --show-stash --verbose --ahead-behind
    text?   -u --untracked-files --ignored --porcelain --column
git add, git stage: ref...
    flag    -A -f -n -N -u -v --all --force --update --verbose --intent-to-add --dry-run
git commit: ref...
    typed
    flag    -a -n -o -q -s -v -z -i --all --amend --no-verify --allow-empty
    given flag --no-edit
    flag    --allow-empty-message --signoff --quiet --verbose --dry-run --only --include
    flag    --reset-author --no-gpg-sign --short
    text    --author --date --squash --cleanup
    given text -m -C --message --reuse-message
    given plain --fixup
    given read -F --file
    read    -t --template
git log, git show, git whatchanged, git reflog: ref...
    flag    -p -u -s -b -w -z -R -M -C -B -D -a -c -m -t -r -q -g -i -E -F -P -# --patch --numstat
    flag    --shortstat --summary --name-only --name-status --oneline --graph --all --no-decorate
    flag    --no-merges --merges --follow --reverse --quiet --raw --full-index --binary --no-color
    flag    --color-words --minimal --patience --histogram --ignore-all-space --ignore-space-change
    flag    --ignore-blank-lines --no-renames --first-parent --full-history --topo-order
    flag    --date-order --branches --tags --remotes --left-right --cherry --cherry-pick
    flag    --cherry-mark --abbrev-commit --no-abbrev-commit --no-patch --function-context
    flag    --no-ext-diff --no-textconv --pickaxe-regex --pickaxe-all --show-signature
    flag    --relative-date --walk-reflogs --cc --boundary --ancestry-path --simplify-by-decoration
    flag    --regexp-ignore-case --extended-regexp --fixed-strings --invert-grep --all-match
    text    -n -S -G -L -l --max-count --since --after --until --before --author --committer
    text    --grep --skip --diff-filter --inter-hunk-context --date
    text?   -U --pretty --format --abbrev --color --word-diff --word-diff-regex --stat --decorate
    text?   --unified --diff-algorithm --find-renames --find-copies --submodule --relative
    text?   --ws-error-highlight --encoding --glob --notes --color-moved
    read    -O
git diff, git diff-tree, git diff-index, git diff-files: ref...
    flag    -p -u -s -b -w -z -R -M -C -B -D -a -c -m -t -r -q --patch --numstat --shortstat
    flag    --summary --name-only --name-status --cached --staged --quiet --check --raw --full-index
    flag    --binary --no-color --color-words --minimal --patience --histogram --exit-code
    flag    --ignore-all-space --ignore-space-change --ignore-space-at-eol --ignore-blank-lines
    flag    --no-renames --no-patch --function-context -W --no-ext-diff --no-textconv
    flag    --pickaxe-regex --pickaxe-all --merge-base --root --cc --ours --theirs --no-prefix
    text    -S -G -l --diff-filter --inter-hunk-context
    text?   -U --abbrev --color --word-diff --word-diff-regex --stat --unified --diff-algorithm
    text?   --find-renames --find-copies --submodule --ws-error-highlight --relative --dirstat
    text?   --color-moved --ignore-submodules
    read    -O
git shortlog: ref...
    flag    -n -s -e -c --numbered --summary --email --committer --no-merges --all
    text    --since --until --after --before --author
    text?   -w --format --group
git blame, git annotate: ref...
    flag    -b -l -t -f -n -p -s -e -w -M -C -c --root --show-stats --incremental --porcelain
    flag    --line-porcelain --show-name --show-number --show-email
    text    -L --since --date --ignore-rev
    text?   --abbrev
    read    -S --ignore-revs-file
git range-diff, git show-branch: ref...
    flag    -a -r --all --remotes --no-color --no-patch --left-only --right-only
    text?   --creation-factor
git ls-files: ref...
    flag    -c -d -m -o -i -k -s -t -u -v -f -z --cached --deleted --modified --others --stage
    flag    --ignored --exclude-standard --full-name --error-unmatch --deduplicate --eol --unmerged
    text    -x --exclude
    text?   --abbrev --format
    read    -X --exclude-from
git ls-tree: ref...
    flag    -d -r -t -l -z --long --name-only --name-status --full-name --full-tree
    text?   --abbrev --format
git cat-file: ref...
    flag    -t -s -e -p
    text?   --batch --batch-check
git rev-parse: ref...
    flag    -q --show-toplevel --show-prefix --show-cdup --git-dir --git-common-dir
    flag    --is-inside-work-tree --is-bare-repository --verify --symbolic-full-name --symbolic
    flag    --all --branches --tags --remotes --quiet --absolute-git-dir --sq --local-env-vars
    text?   --short --abbrev-ref
git rev-list: ref...
    flag    -# --count --all --objects --left-right --no-merges --merges --first-parent --reverse
    flag    --oneline --branches --tags --remotes --cherry-pick
    text    -n --max-count --since --until --after --before --author --grep --skip
    text?   --pretty --format --abbrev-commit
git describe, git name-rev: ref...
    flag    --tags --all --always --long --contains --exact-match --first-parent --name-only
    text    --match --exclude --candidates
    text?   --abbrev --dirty --refs
git merge-base, git cherry, git verify-commit, git verify-tag, git count-objects, git fsck, \
git symbolic-ref, git var, git show-ref, git check-ignore, git check-attr: ref...
    flag    -a -d -e -q -s -v -z -H -n --all --is-ancestor --fork-point --octopus --short --heads
    flag    --tags --verify --stdin --no-index --full --unreachable --raw --quiet --verbose
    text?   --hash --abbrev
git for-each-ref: ref...
    flag    --ignore-case --omit-empty
    text    --points-at --sort --format --count
    text?   --contains --no-contains --merged --no-merged
git branch: ref...
    flag    -a -r -v -d -D -m -M -c -C -f -l -q -t -i --all --remotes --verbose --delete --move
    flag    --copy --force --list --merged --no-merged --show-current --track --no-track
    flag    --unset-upstream --contains --no-contains
    text    -u --set-upstream-to --sort --format --points-at
    text?   --color --column --abbrev
git checkout, git switch, git restore: ref...
    flag    -b -B -d -f -l -m -q -t -c -C -S -W --detach --force --track --no-track --merge --quiet
    flag    --ours --theirs --staged --worktree --create --guess --no-guess --orphan
    flag    --discard-changes --ignore-other-worktrees --overlay --no-overlay --progress
    text    -s --source --conflict
git merge: ref...
    flag    -n -q -v --abort --continue --quit --no-edit --ff --no-ff --ff-only --squash
    flag    --no-commit --commit --no-verify --signoff --quiet --verbose --stat --no-stat
    flag    --allow-unrelated-histories --autostash --no-autostash --no-squash --verify-signatures
    text    -m --message
    strategy -X -s --strategy --strategy-option
git rebase: ref...
    typed
    flag    -i -r -f -k -m -q -v -n --abort --continue --skip --quit --interactive --keep-empty
    flag    --root --rebase-merges --fork-point --no-fork-point --update-refs --no-verify --signoff
    flag    --autostash --no-autostash --autosquash --no-autosquash --keep-base --no-ff --stat
    flag    --reset-author-date --committer-date-is-author-date --no-keep-empty --edit-todo --merge
    text    --onto
    strategy -X -s --strategy --strategy-option
git cherry-pick, git revert: ref...
    typed
    flag    -n -s -x -r --abort --continue --skip --quit --no-commit --ff
    given flag --no-edit
    flag    --signoff --allow-empty --keep-redundant-commits
    text    -m --mainline
    strategy -X --strategy --strategy-option
git am: read...
    flag    -3 -k -s -q -m --3way --signoff --abort --continue --skip --quit --keep --keep-cr
git stash: ref...
    flag    -k -u -a -q -S --keep-index --include-untracked --all --quiet --index --staged
    text    -m --message
git stash show, git stash list: ref...
    flag    -p -u --patch --stat --name-only --oneline --include-untracked --name-status
git tag: ref...
    typed
    flag    -a -s -f -d -l -v -i --annotate --sign --force --delete --list --verify --merged
    flag    --no-merged --contains
    text    -u --sort --format --points-at
    given text -m --message
    text?   -n
    given read -F --file
git reset: ref...
    flag    -q -N --soft --mixed --hard --keep --merge --quiet
git rm, git mv: ref...
    flag    -f -k -n -q -r -v --force --cached --dry-run --ignore-unmatch --quiet
git clean: ref...
    flag    -d -f -n -q -x -X --force --dry-run --quiet
    text    -e --exclude
git bundle:
git bundle create: write ref...
    flag    -q --all
git bundle verify, git bundle list-heads: read
    flag    -q
git gc, git prune, git repack, git pack-refs: ref...
    flag    -a -A -b -d -f -n -q -v --aggressive --auto --all --quiet --force
    text?   --prune --expire
git maintenance:
git maintenance run:
    flag    --auto --quiet
    name    --task
git notes: ref...
    typed
    flag    -f -n -q -v
    text    --ref
    given text -m -C --message
    given read -F --file
git apply: read...
    flag    -3 -N -R -v -q --check --stat --index --cached --reverse --reject --3way --numstat
    flag    --summary --recount
    text    --exclude --include
    text?   -p -C --whitespace
git sparse-checkout: ref...
    flag    --cone --no-cone
git push: pushed ref...
    flag    -d -f -n -q -u -v -4 -6 --all --delete --force --dry-run --prune --quiet --tags
    flag    --set-upstream --verbose --atomic --follow-tags --force-if-includes --mirror
    flag    --no-verify --progress --porcelain
    text    -o --push-option
    text?   --force-with-lease --recurse-submodules
git fetch: repository ref...
    flag    -a -f -n -p -q -k -t -u -v -4 -6 --all --append --force --dry-run --prune --quiet
    flag    --tags --no-tags --unshallow --progress --prune-tags --update-head-ok --verbose
    text    -j -o --depth --deepen --jobs --shallow-since
    text?   --recurse-submodules
git pull: repository ref...
    typed
    flag    -a -f -n -p -q -k -t -v -e -4 -6 --all --force --dry-run --prune --quiet --no-rebase
    flag    --tags --no-tags --unshallow --progress --verbose --ff --ff-only --no-ff --no-edit
    flag    --autostash --no-autostash --squash --no-squash --no-verify --allow-unrelated-histories
    text    -j -o --depth --deepen --jobs --shallow-since
    text?   -r --rebase --recurse-submodules
    strategy -X -s --strategy --strategy-option
git ls-remote: repository ref...
    flag    -h -t -q --heads --tags --refs --get-url --symref --exit-code --quiet
    text    -o --sort
git clone: repository write
    flag    -l -n -q -s -v --bare --mirror --no-checkout --no-hardlinks --local --no-local --quiet
    flag    --recursive --recurse-submodules --shallow-submodules --single-branch
    flag    --no-single-branch --no-tags --progress --sparse --verbose --remote-submodules
    text    -b -o -j --branch --depth --filter --origin --jobs --shallow-since
git init: write
    flag    -q --bare --quiet
    text    -b --initial-branch
git remote:
    flag    -v --verbose
git remote add, git remote set-url: text repository
    flag    --add --push --delete -f --tags --no-tags
    text    -t -m
git remote show, git remote update, git remote prune, git remote get-url, git remote remove, \
git remote rename, git remote rm, git remote set-head, git remote set-branches: repository...
    flag    -n -a -d -p --all --push --auto --delete --dry-run --add --prune
git submodule:
    flag    -q --quiet
git submodule status, git submodule update, git submodule init, git submodule deinit, \
git submodule sync, git submodule summary: ref...
    flag    -q -f --init --recursive --remote --force --quiet --cached --checkout --rebase --merge
    flag    --no-fetch --single-branch --progress --all
    text    --depth -j --jobs
git submodule set-url: text repository
git submodule foreach: line
    flag    -q --quiet --recursive
git submodule add: repository write
    flag    -f --force
    text    -b --name --depth --branch
git worktree:
git worktree add: write ref
    flag    -d -f -q --detach --force --lock --track --no-track --no-checkout --checkout --quiet
    text    -b -B --reason
git worktree move: write write
git worktree list, git worktree prune, git worktree lock, git worktree unlock: ref
    flag    -v -n --porcelain --verbose --dry-run
git worktree remove: delete
    flag    -f --force
git config: setting text
    flag    -l --list --get --get-all --unset --show-origin --show-scope --local --bool --int
    flag    --name-only -z
git grep: text ref...
    flag    -a -c -E -F -G -h -H -i -I -l -L -n -o -p -P -q -r -v -w -W -z -# --cached --untracked
    flag    --ignore-case --word-regexp --line-number --name-only --count --all-match --or --not
    flag    --and --break --heading --recurse-submodules --no-index --show-function --full-name
    text    -A -B -C -m --max-depth --threads --max-count
    text!   -e
git bisect:
git bisect start, git bisect good, git bisect bad, git bisect new, git bisect old, \
git bisect skip, git bisect reset, git bisect log: ref...
git bisect run: argv
git archive: ref...
    flag    -v -l -# --verbose
    text    --format --prefix
    write   -o --output
git help, git version: text...
    flag    -a
git lfs:
git lfs install, git lfs track, git lfs untrack, git lfs ls-files, git lfs status, \
git lfs env: ref...
    flag    -l --local
git lfs pull, git lfs push, git lfs fetch: repository ref...
    flag    --all
gh:
    all
    hub     -R --repo
gh pr, gh issue, gh run, gh release, gh workflow, gh repo, gh label, gh search, gh auth:
gh pr list, gh issue list, gh run list, gh release list, gh workflow list, gh label list, \
gh search issues, gh search prs, gh search repos, gh search code: hub...
    flag    -d -w --draft --web --exclude-drafts
    undashed -a --assignee
    text    -A -b -B -c -e -H -L -l -q -s -S -t -u --author --base --branch --event
    text    --head --jq --json --label --limit --milestone --search --state --status --template
    text    --user --workflow --language --owner
gh pr view, gh issue view, gh repo view, gh release view, gh run view, gh workflow view: hub
    flag    -c -v -w --comments --exit-status --log --log-failed --verbose --web
    text    -a -b -j -q -t --branch --jq --json --job --template
gh pr status, gh pr diff, gh pr checks, gh pr checkout, gh pr ready, gh issue status, \
gh run watch, gh run rerun, gh run cancel, gh repo list, gh auth status, gh status: hub
    flag    -f --detach --exit-status --failed --force --name-only --patch --required --undo
    flag    --watch --active --fork --source
    text    -b -i -L -l -q --branch --color --interval --job --jq --json --limit
gh pr create, gh issue create, gh pr edit, gh issue edit: hub...
    flag    -d -f -w --draft --fill --fill-first --fill-verbose --no-maintainer-edit --web
    text    -a -B -b -H -l -m -p -r -t --add-assignee --add-label --add-reviewer --assignee --base
    text    --body --head --label --milestone --project --remove-label --reviewer --title
    read    -F --body-file
gh pr merge: hub
    flag    -d -m -r -s --admin --auto --delete-branch --disable-auto --merge --rebase --squash
    text    -A -b -t --body --match-head-commit --subject
    read    -F --body-file
gh pr review: hub
    flag    -a -c -r --approve --comment --request-changes
    text    -b --body
    read    -F --body-file
gh pr comment, gh issue comment: hub
    flag    -w --edit-last --web
    text    -b --body
    read    -F --body-file
gh pr close, gh pr reopen, gh issue close, gh issue reopen: hub
    flag    -d --delete-branch
    text    -c -r --comment --reason
gh release create, gh release upload: text read...
    flag    -d -p --clobber --draft --generate-notes --latest --prerelease --verify-tag
    text    -n -t --notes --notes-start-tag --target --title
    read    -F --notes-file
gh workflow run: hub
    text    -f -r --raw-field --ref
gh repo clone: hub
"""
