#!/usr/bin/env bash
# Base-to-new generalization: all jobs of configs/protocols/base2new.yaml.
protocol=base2new
source "$(dirname "$0")/protocol.sh"
