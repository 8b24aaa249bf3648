#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes; of new ones it can only say that it cannot.
method=LogisticProbe default_cfg=vit_b16 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_test.sh"
