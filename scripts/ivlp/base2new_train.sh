#!/usr/bin/env bash
# Trains IVLP on the base classes of a dataset.
method=IVLP default_cfg=vit_b16_c2_ep5_batch4_2+2ctx tiny_cfg=tiny
source "$(dirname "$0")/../base2new_train.sh"
