#!/usr/bin/env bash
# The suite as somebody without a C compiler meets it: a fresh environment, an automatic install that
# finds no compiler, and the tests interpreted.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$PWD/build/no-compiler
rm -rf "$work"
mkdir -p "$work/bin" "$work/checkout"

# Every command of PATH but compilers.
IFS=: read -ra directories <<<"$PATH"
for directory in "${directories[@]}"; do
    [ -d "$directory" ] || continue
    for command in "$directory"/*; do
        name=${command##*/}
        case $name in
        cc | c++ | c89 | c99 | gcc* | g++* | clang* | tcc | *-gcc* | *-g++* | *-cc) continue ;;
        esac
        [ -e "$work/bin/$name" ] || ln -s "$command" "$work/bin/$name"
    done
done

# A copy, so that compiled modules of the editable install do not lie beside the sources.
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
    tar --null --files-from=- -cf - | tar -xf - -C "$work/checkout"

export PATH=$work/bin
unset CC FOURTUPLE_PURE_PYTHON
export FOURTUPLE_COMPILE=auto
cd "$work/checkout"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/python scripts/dev_requirements.py >requirements.txt
.venv/bin/python -m pip --disable-pip-version-check install --quiet -e . -r requirements.txt
.venv/bin/fourtuple --version
# The suite has run interpreted before; what a missing compiler could break is what users touch. CI runs all.
tests=(tests/house tests/isolated tests/determinism tests/programs tests/unit/api tests/unit/cli tests/unit/runtime)
if [ -n "${CI:-}" ]; then
    tests=(tests)
fi
# The libraries of tests/programs have been there before; without them those tests are skipped.
FOURTUPLE_EXPECT=interpreted CI= .venv/bin/python -m pytest -n 2 --dist worksteal -q -m "not slow" "${tests[@]}"
