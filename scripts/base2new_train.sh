#!/usr/bin/env bash
# Trains a method on the base classes of a dataset. scripts/<method>/base2new_train.sh names its own.
what=base2new_train arguments="DATASET SEED"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seed=$1
shift

rpo_train "$OUTPUT/$folder/base2new/train_base/$dataset/shots_$SHOTS/$method/$CFG/seed$seed" \
    --seed "$seed" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "$@"
