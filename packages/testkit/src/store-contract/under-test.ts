// The store under test, as the parts of its contract suite use it.

import type { Store } from "@slipway/core";

/** What a part of the suite works with. Its data is shared, so tests look only for what they put there. */
export interface StoreUnderTest {
  /** A connection. */
  readonly store: () => Store;
  /** A second one to the same data, as another process has it. */
  readonly other: () => Store;
  /** Opens one more. */
  readonly open: () => Promise<Store>;
}
