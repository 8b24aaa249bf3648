#!/usr/bin/env bash
# Evaluates a method that learns nothing on all, base and new classes of a dataset.
what=zeroshot arguments="DATASET"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

for classes in all base new; do
    rpo_train "$OUTPUT/$folder/test_$classes/$dataset/$method/$CFG" --eval-only \
        DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
