// Removes the guards of the way out from a Docker Engine of tests, with the rules that they have set on this machine.

import { type Labels, label } from "@slipway/core";
import { connectDocker, findContainers, guardKind, removeGuard } from "@slipway/docker";

/** @param of labels of the guards to remove; by default all of the engine. */
export async function removeGuards(dockerHost: string, of: Labels = {}): Promise<void> {
  using connection = connectDocker({ dockerHost });
  const guards = await findContainers(connection.docker, { ...of, [label.kind]: guardKind });
  await Promise.all(guards.map(({ Id }) => removeGuard(connection.docker, Id)));
}
