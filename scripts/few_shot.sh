#!/usr/bin/env bash
# Few-shot classification: all jobs of configs/protocols/few_shot.yaml.
protocol=few_shot
source "$(dirname "$0")/protocol.sh"
