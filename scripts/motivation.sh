#!/usr/bin/env bash
# Variance over seeds: all jobs of configs/protocols/motivation.yaml.
protocol=motivation
source "$(dirname "$0")/protocol.sh"
