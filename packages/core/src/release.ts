// A release: an image, the configuration it was first started with, and a number. What runs is always a release.

export interface Release {
  readonly id: string;
  readonly appId: string;
  /** From 1 per app, in the order releases were made. */
  readonly number: number;
  readonly deploymentId: string;
  /** Reference an engine can pull, by digest. */
  readonly image: string;
  readonly gitRef: string | null;
  /** Process type → shell command, e.g. `web` → `npm start`. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** What the buildpacks want set, unless the app's variables say otherwise. */
  readonly defaults: Readonly<Record<string, string>>;
  /** The app's variables as they were when the release was made, over the defaults. */
  readonly environment: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export type NewRelease = Omit<Release, "number">;
