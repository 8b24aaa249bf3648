#!/usr/bin/env bash
# Cost: all jobs of configs/protocols/cost.yaml.
protocol=cost
source "$(dirname "$0")/protocol.sh"
