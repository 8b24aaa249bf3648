#!/usr/bin/env bash
# Trains CoOp on the base classes of a dataset.
method=CoOp default_cfg=vit_b16_ctxv1 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
