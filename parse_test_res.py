"""Mean and spread over seeds, as CoOp's and Dassl's script of this name; see --help."""

import sys

from rpo.report.parse_test_res import main

if __name__ == "__main__":
    sys.exit(main())
