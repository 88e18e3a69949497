// The context of one attempt, which every phase receives.

import type { App, Labels } from "@slipway/core";
import { label } from "@slipway/core";
import type { DeploymentLease } from "@slipway/deployments";
import type { LogWriter } from "@slipway/logs";
import type { Platform } from "../platform.ts";

export interface Attempt {
  readonly platform: Platform;
  readonly lease: DeploymentLease;
  readonly app: App;
  /** The app's variables when the attempt began. */
  readonly variables: Readonly<Record<string, string>>;
  readonly log: LogWriter;
  /** Aborted with a SlipwayError as its reason. */
  readonly signal: AbortSignal;
}

export function labelsOf({ lease }: Attempt): Labels {
  const { appId, id, attempt } = lease.deployment;
  return { [label.app]: appId, [label.deployment]: id, [label.attempt]: String(attempt) };
}
