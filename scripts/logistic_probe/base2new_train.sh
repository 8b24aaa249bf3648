#!/usr/bin/env bash
# Trains LogisticProbe on the base classes of a dataset.
method=LogisticProbe default_cfg=vit_b16 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
