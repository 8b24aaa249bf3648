#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes and on new ones.
usage="bash scripts/rpo/base2new_test.sh DATASET SEED [KEY VALUE ...]"
method=RPO default_cfg=main_K24 tiny_cfg=tiny_K24
source "$(dirname "$0")/../common.sh"
seed=$1
shift

run=$dataset/shots_$SHOTS/$method/$CFG/seed$seed
for classes in base new; do
    rpo_train "$OUTPUT/rpo/base2new/test_$classes/$run" --eval-only \
        --model-dir "$OUTPUT/rpo/base2new/train_base/$run" \
        --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
