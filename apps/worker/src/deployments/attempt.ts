// One attempt at a deployment, as every phase receives it.

import type { App, Deployment, Labels } from "@slipway/core";
import { label } from "@slipway/core";
import type { DeploymentLease } from "@slipway/deployments";
import type { LogWriter } from "@slipway/logs";

export interface Attempt {
  readonly lease: DeploymentLease;
  readonly app: App;
  /** The app's build variables at the start of the attempt. */
  readonly variables: Readonly<Record<string, string>>;
  /** The app's variables for releases and their hooks. */
  readonly runVariables: Readonly<Record<string, string>>;
  /** The app's registry logins, which are used only for copying an image; "" for none. */
  readonly registryAuth: string;
  readonly log: LogWriter;
  /** When it is aborted, its reason is a SlipwayError. */
  readonly signal: AbortSignal;
}

/** The part of an attempt from which its labels are made. */
export interface Labelled {
  readonly lease: { readonly deployment: Pick<Deployment, "appId" | "id" | "attempt"> };
}

/** @returns the labels of all objects that the attempt creates on an engine. */
export function labelsOf({ lease }: Labelled): Labels {
  const { appId, id, attempt } = lease.deployment;
  return { [label.app]: appId, [label.deployment]: id, [label.attempt]: String(attempt) };
}
