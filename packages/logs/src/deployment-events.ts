// Publishes new deployments and status changes to an app's followers. Changes must be stored before.

import { appChannel, publish } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { DeploymentEvents } from "@slipway/core";

/** Publishes events on the channel of the deployment's app. */
export function deploymentEvents(bus: Bus): DeploymentEvents {
  return {
    created: ({ id: deploymentId, appId, number, gitRef, pusher }) =>
      publish(bus, appChannel(appId), { type: "new", deploymentId, number, gitRef, pusher }),
    statusChanged: ({ id: deploymentId, appId, status, attempt, history }) =>
      publish(bus, appChannel(appId), {
        type: "status",
        deploymentId,
        status,
        attempt,
        lineCount: history.at(-1)?.lineCount ?? null,
      }),
    phaseChanged: ({ id: deploymentId, appId, attempt }, phase, lineCount) => {
      const { name, startedAt, finishedAt, outcome, bytes, reused } = phase;
      return publish(bus, appChannel(appId), {
        type: "phase",
        deploymentId,
        attempt,
        name,
        state: finishedAt === null ? "started" : "finished",
        at: (finishedAt ?? startedAt).toISOString(),
        outcome,
        bytes,
        reused: [...reused],
        lineCount,
      });
    },
  };
}
