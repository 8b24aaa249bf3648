# The body of every scripts/<protocol>.sh, which sets protocol.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    echo "usage: bash scripts/$protocol.sh [--preset P] [--methods ...] [--datasets ...] [--seeds ...] [KEY VALUE ...]
environment, with defaults:
  DATA=data        folder of the datasets
  OUTPUT=output    folder of the results
everything is passed on to: rpo run $protocol (--help shows all of its flags)" >&2
    exit 2
fi
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Relative paths that are given belong to the folder where the script is called, as everywhere.
if [[ $PWD != "$repository" ]]; then
    [[ ${DATA:-/} == /* ]] || DATA=$PWD/$DATA
    [[ ${OUTPUT:-/} == /* ]] || OUTPUT=$PWD/$OUTPUT
fi
cd "$repository"
export DATA=${DATA:-data}
exec "$(command -v rpo || echo .venv/bin/rpo)" run "$protocol" --output "${OUTPUT:-output}" "$@"
