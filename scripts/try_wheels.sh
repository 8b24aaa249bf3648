#!/usr/bin/env bash
# Builds both wheels and runs the command from them, outside of the repository.
# Torch and its like come from the environment that is active; the wheels are installed anew.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for source in dassl-lite .; do
    python -m build --no-isolation --outdir "$folder" "$source" > "$folder/log" || { cat "$folder/log"; exit 1; }
done
python -m pip install --quiet --no-deps --target "$folder/site" "$folder"/*.whl
cd "$folder"
# PYTHONPATH comes first: what is imported is the content of the wheels.
PYTHONPATH="$folder/site" python - <<'PYTHON'
import rpo.cli, rpo.plugin, dassl

for module in (rpo.cli, rpo.plugin, dassl):
    assert "/site/" in module.__file__, module.__file__
from rpo.clip.load import load_clip

load_clip("tiny")
assert rpo.cli.main(["doctor"]) == 0
assert rpo.cli.main("run base2new --preset tiny --datasets digits --methods RPO --dry-run".split()) == 0
print("the wheels work")
PYTHON
