"""Thread counts: 1 for every numerical library, set before numpy reads them.

The bytes of a recording depend on the thread counts of BLAS and of pyroomacoustics (sums are taken in another order).
usim therefore spreads work over processes and keeps each to one thread. numpy reads the variables once, when it is
imported, so they are set when usim is imported, if that comes first.
"""

import os
import sys

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "PRA_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def pin(force: bool = False) -> bool:
    """Set every thread count to 1 and return True; return False where numpy is there already.

    `force` (the command line) also overrides what the environment says; else (the library) a value that is set stays.
    """
    if "numpy" in sys.modules:
        return False
    for name in VARIABLES:
        if force:
            os.environ[name] = "1"
        else:
            os.environ.setdefault(name, "1")
    return True
