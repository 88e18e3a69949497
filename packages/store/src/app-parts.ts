// Reads the apps of a selection part by part.

import { setImmediate as othersTurn } from "node:timers/promises";
import type { App, AppSelection, Store } from "@slipway/core";

/** How many apps are read at once: other work is done between two reads. */
const partSize = 100;

/** The apps of a selection in parts, sorted by name. An app that is created or deleted meanwhile may be missing. */
export async function* appParts(
  { apps }: Pick<Store, "apps">,
  selection: AppSelection,
): AsyncGenerator<App[]> {
  for (let after: string | undefined = ""; after !== undefined;) {
    const part = await apps.after(selection, after, partSize);
    yield part;
    after = part.length < partSize ? undefined : part.at(-1)?.name;
    await othersTurn();
  }
}
