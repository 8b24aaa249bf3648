#!/usr/bin/env bash
# Evaluates the zero-shot ensemble of templates on all, base and new classes of a dataset.
method=ZeroshotCLIP2 default_cfg=vit_b16 tiny_cfg=tiny
source "$(dirname "$0")/../zeroshot.sh"
