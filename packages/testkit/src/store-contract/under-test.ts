// The store under test, as the parts of its contract suite use it.

import type { Store } from "@slipway/core";

/** The context of each part of the suite. Its data is shared, so tests look only for data that they stored. */
export interface StoreUnderTest {
  /** A connection. */
  readonly store: () => Store;
  /** A second connection to the same data, like another process's. */
  readonly other: () => Store;
  /** Opens a further connection. */
  readonly open: () => Promise<Store>;
}
