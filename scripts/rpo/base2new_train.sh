#!/usr/bin/env bash
# Trains RPO on the base classes of a dataset.
usage="bash scripts/rpo/base2new_train.sh DATASET SEED [FLAG ...] [KEY VALUE ...]"
method=RPO default_cfg=main_K24 tiny_cfg=tiny_K24
source "$(dirname "$0")/../common.sh"
seed=$1
shift

rpo_train "$OUTPUT/rpo/base2new/train_base/$dataset/shots_$SHOTS/$method/$CFG/seed$seed" \
    --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "$@"
