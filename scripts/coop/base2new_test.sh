#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes and on new ones.
method=CoOp default_cfg=vit_b16_ctxv1 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_test.sh"
