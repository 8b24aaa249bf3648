# The body of every scripts/<method>/base2new_test.sh, which sets method, default_cfg and tiny_cfg.
folder=$(basename "$(dirname "$0")")
usage="bash scripts/$folder/base2new_test.sh DATASET SEED [KEY VALUE ...]"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seed=$1
shift

run=$dataset/shots_$SHOTS/$method/$CFG/seed$seed
for classes in base new; do
    rpo_train "$OUTPUT/$folder/base2new/test_$classes/$run" --eval-only \
        --model-dir "$OUTPUT/$folder/base2new/train_base/$run" \
        --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
