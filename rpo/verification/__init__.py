"""Checks of finished runs: that their numbers are what their predictions, data and parameters give.

A check takes a `Run` and says in words what it has checked. It raises `NotChecked` where something
is missing that it needs, and `DifferenceError` at the first thing that is not as recorded.
"""
