#!/usr/bin/env bash
# Domain generalization: all jobs of configs/protocols/domain_generalization.yaml.
protocol=domain_generalization
source "$(dirname "$0")/protocol.sh"
