#!/usr/bin/env bash
# Evaluates a trained method on base and on new classes. scripts/<method>/base2new_test.sh likewise.
what=base2new_test arguments="DATASET SEED"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seed=$1
shift

run=$dataset/shots_$SHOTS/$method/$CFG/seed$seed
for classes in base new; do
    rpo_train "$OUTPUT/$folder/base2new/test_$classes/$run" --eval-only \
        --model-dir "$OUTPUT/$folder/base2new/train_base/$run" \
        --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
