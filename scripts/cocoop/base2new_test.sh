#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes and on new ones.
method=CoCoOp default_cfg=vit_b16_c4_ep10_batch1_ctxv1 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_test.sh"
