#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes and on new ones.
method=MaPLe default_cfg=vit_b16_c2_ep5_batch4_2ctx tiny_cfg=tiny
source "$(dirname "$0")/../base2new_test.sh"
