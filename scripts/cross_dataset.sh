#!/usr/bin/env bash
# Cross-dataset transfer: all jobs of configs/protocols/cross_dataset.yaml.
protocol=cross_dataset
source "$(dirname "$0")/protocol.sh"
