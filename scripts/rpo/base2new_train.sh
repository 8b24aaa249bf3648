#!/usr/bin/env bash
# Trains RPO on the base classes of a dataset.
method=RPO default_cfg=main_K24 tiny_cfg=tiny_K24
source "$(dirname "$0")/../base2new_train.sh"
