# What every script shares. It is sourced after `what` is set to the script's name and `arguments` to
# what it needs; and, in scripts/<method>/, after method, default_cfg and tiny_cfg.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
RPO=$(command -v rpo || echo "$repository/.venv/bin/rpo")
if [[ -n ${method:-} ]]; then
    folder=$(basename "$(dirname "$0")")
    usage="bash scripts/$folder/$what.sh $arguments [FLAG ...] [KEY VALUE ...]"
else
    usage="bash scripts/$what.sh METHOD $arguments [FLAG ...] [KEY VALUE ...]"
    if [[ $# -gt 0 && $1 != -h && $1 != --help ]]; then
        names=$("$RPO" methods "$1" --names)
        read -r method folder default_cfg tiny_cfg <<< "$names"
        shift
    fi
fi
if [[ $# -lt $(wc -w <<< "$arguments") || ${1:-} == -h || ${1:-} == --help ]]; then
    echo "usage: $usage
environment, with defaults:
  DATA=data        folder of the datasets
  OUTPUT=output    folder of the results
  CFG=$([[ ${1:-} == digits ]] && echo "${tiny_cfg:-}" || echo "${default_cfg:-that of the method}")     configs/trainers/${method:-METHOD}/<CFG>.yaml (${tiny_cfg:-its tiny one} for digits, made for the tiny CLIP)
  SHOTS=16         labelled images a class
further arguments are passed on, for example: OPTIM.LR 0.001" >&2
    exit 2
fi

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
# Relative paths that are given belong to the folder where the script is called, as everywhere.
if [[ $PWD != "$repository" ]]; then
    [[ ${DATA:-/} == /* ]] || DATA=$PWD/$DATA
    [[ ${OUTPUT:-/} == /* ]] || OUTPUT=$PWD/$OUTPUT
fi
cd "$repository"
# The digits are made for the tiny CLIP; everything else is evaluated with a real one.
CFG=${CFG:-$([[ $dataset == digits ]] && echo "$tiny_cfg" || echo "$default_cfg")}
# The tiny CLIP gains nothing from a second thread, and loses much where others use the cores too.
[[ $CFG == tiny* ]] && export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
SHOTS=${SHOTS:-16}
export DATA=${DATA:-data}
OUTPUT=${OUTPUT:-output}
key=DATASET.$([[ $images == *.csv ]] && echo CSV || echo FOLDER)

# rpo_train OUTPUT_DIR [FLAG ...]: one run of this script's method, dataset and config.
rpo_train() {
    local folder=$1
    shift
    "$RPO" train --trainer "$method" --output-dir "$folder" \
        --dataset-config-file "$dataset_config" \
        --config-file "configs/trainers/$method/$CFG.yaml" "$@" ${images:+"$key" "$images"}
}
