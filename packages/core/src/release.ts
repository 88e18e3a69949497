// A release: an image, the configuration it was first started with, and a number. Instances always run a release.

import type { Healthcheck } from "./image-config.ts";

/** How an image starts that was not built by buildpacks. */
export interface ImageStart {
  /** argv of the process type `web`. */
  readonly command: readonly string[];
  /** argv prefix that runs a shell command, which is appended. Default `/bin/sh -c`. */
  readonly shell?: readonly string[];
  /** Port that the image declares, which becomes the value of PORT. Null for the default. */
  readonly port: number | null;
  /** Absent when the image has none, and in releases of versions of Slipway that did not store it. */
  readonly healthcheck?: Healthcheck;
}

export interface Release {
  readonly id: string;
  readonly appId: string;
  /** From 1 per app, in order of creation. */
  readonly number: number;
  readonly deploymentId: string;
  /** Reference by digest, which an engine can pull. */
  readonly image: string;
  readonly gitRef: string | null;
  /** Process type → shell command, e.g. `web` → `npm start`. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** Null for an image built by buildpacks, whose processes the launch script starts. */
  readonly imageStart: ImageStart | null;
  /** Variables set by the buildpacks; the app's variables override them. */
  readonly defaults: Readonly<Record<string, string>>;
  /** The defaults, overridden by the app's variables at the creation of the release. */
  readonly environment: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export type NewRelease = Omit<Release, "number">;
