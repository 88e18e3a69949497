// Where a request goes next: an instance of the app that has not refused it, or the page that says why there is none.

import type { Address } from "@slipway/core";
import type { PageName } from "./pages.ts";
import type { Routes } from "./routes.ts";
import type { Traffic } from "./traffic.ts";

export interface Choice {
  readonly traffic: Traffic;
  readonly target: Address;
}

/** @param refused names of targets that took no connection; once there is one, the store is asked again. */
export async function choose(
  { routes, onTrouble }: { readonly routes: Routes; readonly onTrouble: (error: unknown) => void },
  appName: string,
  refused: ReadonlySet<string>,
): Promise<Choice | PageName> {
  try {
    const { app, traffic } = await (refused.size === 0 ? routes.find(appName) : routes.findAgain(appName));
    if (app === null) return "no-app";
    if (traffic === null) return "no-release";
    if (traffic.targets.length === 0) return "scaled-to-zero";
    const target = traffic.next(refused);
    return target === null ? "not-answering" : { traffic, target };
  } catch (error) {
    onTrouble(error);
    return "cannot-look-up";
  }
}
