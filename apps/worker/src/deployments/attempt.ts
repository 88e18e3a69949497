// One attempt at a deployment, as every phase receives it.

import type { App, Deployment, Labels } from "@slipway/core";
import { label } from "@slipway/core";
import type { DeploymentLease } from "@slipway/deployments";
import type { LogWriter } from "@slipway/logs";

export interface Attempt {
  readonly lease: DeploymentLease;
  readonly app: App;
  /** The app's variables for builds when the attempt began. */
  readonly variables: Readonly<Record<string, string>>;
  /** The app's variables for releases and their hooks. */
  readonly runVariables: Readonly<Record<string, string>>;
  /** The app's logins of registries, which only the copy of an image uses; "" for none. */
  readonly registryAuth: string;
  readonly log: LogWriter;
  /** Aborted with a SlipwayError as its reason. */
  readonly signal: AbortSignal;
}

/** What the labels of an attempt are made from. */
export interface Labelled {
  readonly lease: { readonly deployment: Pick<Deployment, "appId" | "id" | "attempt"> };
}

/** @returns the labels of everything that the attempt creates on an engine. */
export function labelsOf({ lease }: Labelled): Labels {
  const { appId, id, attempt } = lease.deployment;
  return { [label.app]: appId, [label.deployment]: id, [label.attempt]: String(attempt) };
}
