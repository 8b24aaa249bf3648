#!/usr/bin/env bash
# Extreme few-shot generalization: all jobs of configs/protocols/extreme_few_shot.yaml.
protocol=extreme_few_shot
source "$(dirname "$0")/protocol.sh"
