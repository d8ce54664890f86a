#!/usr/bin/env bash
# Installs the readers that judge into a cache folder, once, and prints the
# Python that has them. ENGINES_HOME names another folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${ENGINES_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/notionlake/engines}
sum=$(sha256sum "$here/requirements.txt" | cut -c1-12)
venv=$home/readers-$sum
if [ ! -f "$venv/.done" ]; then
  command -v python3 >/dev/null || { echo "make interop needs python3 with venv" >&2; exit 1; }
  echo "installing DuckDB, PyIceberg and Polars into $venv (once)" >&2
  rm -rf "$venv"
  mkdir -p "$home"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  touch "$venv/.done"
fi
echo "$venv/bin/python"
