// Where a request goes next: an instance of the app that has not refused it, or the page that says why there is none.

import type { Agent } from "node:http";
import type { Address } from "@slipway/core";
import type { PageName } from "./pages.ts";
import type { Routes } from "./routes.ts";

/** Counted as on its way to the target from the moment it was chosen, until it is disposed of. */
export interface Choice extends Disposable {
  readonly target: Address;
  /** Of the rollout. */
  readonly kept: Agent;
}

/**
 * @param refused names of targets that took no connection; once there is one, the store is asked again.
 * @param cut called when the request has to end because its rollout does.
 */
export async function choose(
  { routes, onError }: { readonly routes: Routes; readonly onError: (error: unknown) => void },
  appName: string,
  refused: ReadonlySet<string>,
  cut: () => void,
): Promise<Choice | PageName> {
  try {
    const { app, traffic } = await (refused.size === 0 ? routes.find(appName) : routes.findAgain(appName));
    // From here to the end nothing is waited for: a switch in between would not see this request.
    if (app === null) return "no-app";
    if (traffic === null) return "no-release";
    if (traffic.targets.length === 0) return "scaled-to-zero";
    const target = traffic.next(refused);
    return target === null ? "not-answering" : { target, kept: traffic.kept, ...traffic.begin(cut) };
  } catch (error) {
    onError(error);
    return "cannot-look-up";
  }
}
