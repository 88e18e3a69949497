// Chooses the instance of the app that a request is sent to, or the error page when there is none.

import type { Address } from "@slipway/core";
import type { KeepAliveConnections } from "./keep-alive-connections.ts";
import type { PageName } from "./pages.ts";
import type { Routes } from "./routes.ts";

/** The request counts as in flight on its rollout until the choice is disposed. */
export interface Choice extends Disposable {
  readonly target: Address;
  /** The keep-alive connections of the rollout. */
  readonly connections: KeepAliveConnections;
}

/** The maximum number of targets tried for one request. */
export const maxTargets = 4;

/**
 * @param unreachable keys of targets that refused a connection. When it is not empty, the route is read from the store.
 * @param abort called when the request has to end because its rollout was drained.
 */
export async function chooseTarget(
  { routes, onError }: { readonly routes: Routes; readonly onError: (error: unknown) => void },
  appName: string,
  unreachable: ReadonlySet<string>,
  abort: () => void,
): Promise<Choice | PageName> {
  try {
    const { app, traffic } = await (unreachable.size === 0
      ? routes.find(appName)
      : routes.findFresh(appName));
    // There is no await from here to `begin`: a cutover during it would not count this request.
    if (app === null) return "no-app";
    if (traffic === null) return "no-release";
    if (traffic.targets.length === 0) return "scaled-to-zero";
    const target = traffic.next(unreachable);
    if (target === null) return "not-answering";
    return { target, connections: traffic.connections, ...traffic.begin(abort) };
  } catch (error) {
    onError(error);
    return "cannot-look-up";
  }
}
