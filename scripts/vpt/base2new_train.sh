#!/usr/bin/env bash
# Trains VPT on the base classes of a dataset.
method=VPT default_cfg=vit_b16_c2_ep5_batch4_4 tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
