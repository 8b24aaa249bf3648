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
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DATA=${DATA:-data}
exec "$(command -v rpo || echo .venv/bin/rpo)" run "$protocol" --output "${OUTPUT:-output}" "$@"
