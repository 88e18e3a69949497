import { label } from "@slipway/core";
import { connectDocker } from "@slipway/docker";
import { lacksEngine, newInstallation, testEngine } from "@slipway/testkit";
import { expect, test } from "vitest";
import { parseMeasurement, watchDisk } from "./disk-watch.ts";
import { openEngine } from "./docker-engine.ts";

test.for([
  ["2048 3 0", 2048 * 1024],
  ["4 1000000 0", 4_096_000_000],
  ["2048 3 1024", 3072 * 1024],
] as const)("%s counts as %i bytes", ([line, bytes]) => {
  expect(parseMeasurement(line)).toBe(bytes);
});

test("a measurement that takes too long exceeds every limit", () => {
  expect(parseMeasurement("late")).toBe(Number.POSITIVE_INFINITY);
});

test.for(["", "12", "1 2", "1  2", " 1 2", "a b c"])("'%s' is not a measurement", (line) => {
  expect(parseMeasurement(line)).toBeNull();
});

test.skipIf(await lacksEngine())("a build whose files cannot be counted in time counts as full", async () => {
  const { dockerHost, stackImage } = await testEngine();
  await using installation = newInstallation();
  await using engine = openEngine({ installationId: installation.id, dockerHost });
  using connection = connectDocker({ dockerHost });
  const limits = { memoryBytes: 2 ** 28, cpus: 1, pids: 64, tmpfsBytes: 2 ** 24, diskBytes: 2 ** 40 };
  const spec = { image: stackImage, command: ["sleep", "600"], environment: {}, labels: {}, limits };
  const ended = new AbortController();
  await using sandbox = await engine.createSandbox(spec, ended.signal);
  const run = sandbox.run({ onOutput: () => undefined, signal: ended.signal });
  const watched = { id: sandbox.id, image: stackImage, labels: { [label.installation]: installation.id } };
  const options = { diskBytes: 2 ** 40, countSeconds: 0.0001, signal: ended.signal };
  const outcome = await watchDisk(connection.docker, watched, options);
  ended.abort();
  await expect(run).rejects.toBe(ended.signal.reason);
  expect(outcome).toBe("full");
});

test.skipIf(await lacksEngine())("the watch of a build that was removed ends without an error", async () => {
  const { dockerHost } = await testEngine();
  using connection = connectDocker({ dockerHost });
  const gone = { id: "gone", image: "any", labels: {} };
  const { signal } = new AbortController();
  expect(await watchDisk(connection.docker, gone, { diskBytes: 1, signal })).toBe("ended");
});
