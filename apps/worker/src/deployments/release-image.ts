// The images of apps in the registry: their repositories, and the configuration of the images of releases.

import { LAUNCH_SCRIPT } from "@slipway/buildpacks";
import type { LanguagePlan } from "@slipway/buildpacks";
import type { ImagePush, Labels } from "@slipway/core";

/** Environment variables of apps' processes by language. The app's own variables override them. */
const environments: Readonly<Record<LanguagePlan["kind"], Readonly<Record<string, string>>>> = {
  nodejs: {
    NODE_ENV: "production",
    // The release's own directories may be read-only.
    npm_config_cache: "/tmp/npm",
    npm_config_logs_max: "0",
    npm_config_update_notifier: "false",
    // pnpm 11 and later would install dependencies, including those for development, before they run a script.
    pnpm_config_verify_deps_before_run: "false",
    pnpm_config_update_notifier: "false",
  },
  python: {
    // Without this variable, an app's output appears in its logs only when a buffer is full.
    PYTHONUNBUFFERED: "1",
  },
  go: {},
  php: {},
  ruby: {
    BUNDLE_PATH: "/app/.gems",
    BUNDLE_DEPLOYMENT: "true",
    BUNDLE_WITHOUT: "development:test",
    RACK_ENV: "production",
    RAILS_ENV: "production",
    RAILS_LOG_TO_STDOUT: "enabled",
    RAILS_SERVE_STATIC_FILES: "enabled",
  },
};

/** Repository of the images that contain an app's dependencies, below those of its releases. */
export function dependenciesRepository(appId: string): string {
  return `apps/${appId}/dependencies`;
}

export function releaseConfig(options: {
  /** Command of the process type `web`. */
  readonly web: string;
  readonly labels: Labels;
  /** Languages of the toolchains in the image. */
  readonly languages: readonly LanguagePlan["kind"][];
}): ImagePush["config"] {
  return {
    entrypoint: ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch"],
    command: [options.web],
    environment: Object.assign({}, ...options.languages.map((language) => environments[language])),
    labels: options.labels,
    user: "2000:2000",
    workingDir: "/app",
  };
}
