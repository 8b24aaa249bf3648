# The body of every scripts/<method>/base2new_train.sh, which sets method, default_cfg and tiny_cfg.
folder=$(basename "$(dirname "$0")")
usage="bash scripts/$folder/base2new_train.sh DATASET SEED [FLAG ...] [KEY VALUE ...]"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seed=$1
shift

rpo_train "$OUTPUT/$folder/base2new/train_base/$dataset/shots_$SHOTS/$method/$CFG/seed$seed" \
    --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "$@"
