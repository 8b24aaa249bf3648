"""One HTML file with everything that some runs say: tables, figures, and each run's details."""
