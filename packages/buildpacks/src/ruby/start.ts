// How a Ruby app starts without a Procfile: the server among its gems.

import { SlipwayError } from "@slipway/core";

/** @param gems versions by name. @returns the command of the web process. @throws {SlipwayError} "build-failed" without a server. */
export function webCommand(gems: ReadonlyMap<string, string>): string {
  // The process id file is written outside of the app's folder.
  if (gems.has("railties")) return "bundle exec rails server -b 0.0.0.0 -p $PORT -P /tmp/server.pid";
  if (gems.has("puma")) return "bundle exec puma --bind tcp://0.0.0.0:$PORT";
  const [rackMajor = 3] = (gems.get("rack") ?? "").split(".").map(Number);
  if (gems.has("rackup") || (gems.has("rack") && rackMajor < 3))
    return "bundle exec rackup --host 0.0.0.0 --port $PORT";
  throw new SlipwayError(
    "build-failed",
    'No server for config.ru is among the gems of Gemfile.lock. Add the gem puma and run bundle lock, or add a Procfile with a line such as "web: bundle exec puma --bind tcp://0.0.0.0:$PORT".',
  );
}
