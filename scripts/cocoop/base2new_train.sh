#!/usr/bin/env bash
# Trains CoCoOp on the base classes of a dataset.
method=CoCoOp default_cfg=vit_b16_c4_ep10_batch1_ctxv1 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
