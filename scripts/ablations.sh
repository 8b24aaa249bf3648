#!/usr/bin/env bash
# Ablations of RPO: all jobs of configs/protocols/ablations.yaml.
protocol=ablations
source "$(dirname "$0")/protocol.sh"
