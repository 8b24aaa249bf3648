# What every script shares. It is sourced, after `usage` is set, with the script's arguments.
set -euo pipefail

if [[ $# -lt ${required:-2} || ${1:-} == -h || ${1:-} == --help ]]; then
    echo "usage: $usage
environment, with defaults:
  DATA=data        folder of the datasets
  OUTPUT=output    folder of the results
  CFG=$([[ ${1:-} == digits ]] && echo "$tiny_cfg" || echo "$default_cfg")     configs/trainers/$method/<CFG>.yaml ($tiny_cfg for digits, made for the tiny CLIP)
  SHOTS=16         labelled images a class
further arguments are passed on, for example: OPTIM.LR 0.001" >&2
    exit 2
fi

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dataset=$1
images=
dataset_config=configs/datasets/$dataset.yaml
# A folder that is no dataset of ours holds your own images; a CSV lists them.
if [[ ! -f $repository/$dataset_config && ( -d $1 || $1 == *.csv && -f $1 ) ]]; then
    images=$(realpath "$1")
    dataset=$(basename "$images" .csv)
    dataset_config=configs/datasets/imagefolder.yaml
fi
shift
cd "$repository"
# The digits are made for the tiny CLIP; everything else is evaluated with a real one.
CFG=${CFG:-$([[ $dataset == digits ]] && echo "$tiny_cfg" || echo "$default_cfg")}
# The tiny CLIP gains nothing from a second thread, and loses much where others use the cores too.
[[ $CFG == tiny* ]] && export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
SHOTS=${SHOTS:-16}
export DATA=${DATA:-data}
OUTPUT=${OUTPUT:-output}
key=DATASET.$([[ $images == *.csv ]] && echo CSV || echo FOLDER)
RPO=$(command -v rpo || echo .venv/bin/rpo)

# rpo_train OUTPUT_DIR [FLAG ...]: one run of this script's method, dataset and config.
rpo_train() {
    local folder=$1
    shift
    "$RPO" train --trainer "$method" --output-dir "$folder" \
        --dataset-config-file "$dataset_config" \
        --config-file "configs/trainers/$method/$CFG.yaml" "$@" ${images:+"$key" "$images"}
}
