#!/usr/bin/env bash
# Trains MaPLe on the base classes of a dataset.
method=MaPLe default_cfg=vit_b16_c2_ep5_batch4_2ctx tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
