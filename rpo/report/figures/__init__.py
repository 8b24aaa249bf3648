"""Figures of a paper: functions from plain data to a matplotlib figure."""
