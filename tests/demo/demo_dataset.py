from collections.abc import Callable

import pandas as pd

USERS, DAYS, SEED = 30_000, 44, 7

Query = Callable[[str], pd.DataFrame]
