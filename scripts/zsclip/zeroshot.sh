#!/usr/bin/env bash
# Evaluates zero-shot CLIP on all, base and new classes of a dataset.
method=ZeroshotCLIP default_cfg=vit_b16 tiny_cfg=tiny
source "$(dirname "$0")/../zeroshot.sh"
