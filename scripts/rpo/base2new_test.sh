#!/usr/bin/env bash
# Evaluates what base2new_train.sh trained, on base classes and on new ones.
method=RPO default_cfg=main_K24 tiny_cfg=tiny_K24
source "$(dirname "$0")/../base2new_test.sh"
