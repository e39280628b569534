#!/usr/bin/env bash
# Builds the documentation as a site in target/book, and fails if one of its links, or the section that it names, leads
# nowhere.
#
# The pages are all over the repository, next to what they describe. mdbook reads one directory, so they are copied to
# target/docs, with the same paths: a link works on GitHub and in the book.
set -euo pipefail
cd "$(dirname "$0")/.."

mdbook_version=0.5.4
linkchecker='linkchecker==10.6.0'
repository=$(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)
deps=${PLATFORM_EXPORTER_DEPS:-.deps}/docs
out=target/docs
book=target/book

mdbook --version >/dev/null 2>&1 || cargo install --locked mdbook --version "$mdbook_version"
if [ "$(cat "$deps/.stamp" 2>/dev/null)" != "$linkchecker" ]; then
  /usr/bin/python3 -m venv --clear "$deps"
  "$deps/bin/python" -m pip install --quiet --disable-pip-version-check "$linkchecker"
  printf '%s\n' "$linkchecker" >"$deps/.stamp"
fi

rm -rf "$out" "$book"
mkdir -p "$out/src"
cp docs/book.toml "$out/"
git ls-files -z --cached --others --exclude-standard -- '*.md' docs/images | xargs -0 cp --parents -t "$out/src"

# The files that pages link to are copied along. Directories have no page: they are shown by the repository.
while read -r page; do
  folder=$(dirname "$page")
  { grep -oP '\]\(\K[^)#: ]+(?=[)#])' "$out/src/$page" || true; } | sort -u | while read -r link; do
    path=$(realpath -m --relative-to=. "$folder/$link")
    if [ -d "$path" ]; then
      sed -i "s|]($link)|]($repository/tree/main/$path)|g" "$out/src/$page"
    elif [ -f "$path" ] && [ ! -e "$out/src/$path" ]; then
      cp --parents "$path" -t "$out/src"
    fi
  done
done < <(cd "$out/src" && find . -name '*.md' -printf '%P\n')

# In the book, the summary is at the top.
sed -e 's|](\([^.]\)|](docs/\1|' -e 's|](\.\./|](|' docs/SUMMARY.md >"$out/src/SUMMARY.md"
rm "$out/src/docs/SUMMARY.md"
mdbook build "$out"

# As root it would become nobody, who may not be allowed to read this directory.
"$deps/bin/python" - --config <(printf '[AnchorCheck]\n') --no-status "$book/index.html" <<'PYTHON'
from linkcheck.command import linkchecker
linkchecker.drop_privileges = lambda: None
linkchecker.linkchecker()
PYTHON
