#!/usr/bin/env bash
# Evaluates zero-shot CLIP on all, base and new classes of a dataset.
usage="bash scripts/zsclip/zeroshot.sh DATASET [KEY VALUE ...]"
method=ZeroshotCLIP default_cfg=vit_b16 tiny_cfg=tiny required=1
source "$(dirname "$0")/../common.sh"

for classes in all base new; do
    rpo_train "$OUTPUT/zsclip/test_$classes/$dataset/$method/$CFG" --eval-only \
        DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
