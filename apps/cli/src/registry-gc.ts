// npm run registry-gc: deletes data that belongs to no image from the registry, while Slipway runs.

import {
  collectRegistryGarbage,
  print,
  readConfig,
  runCommand,
  linePrinter,
  SetupError,
  takesOnly,
} from "@slipway/setup";

await runCommand(async () => {
  const dryRun = takesOnly("registry-gc", ["--dry-run"]).includes("--dry-run");
  const stopped = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () =>
      stopped.abort(
        new SetupError(`Stopped by ${name}: pushes continue. Repeat the command to complete it.`),
      ),
    );
  const { blobs, freedBytes } = await collectRegistryGarbage({
    config: readConfig(),
    dryRun,
    signal: stopped.signal,
    printLine: linePrinter(process.stderr),
  });
  print(
    `${dryRun ? "would delete" : "deleted"} ${blobs} blobs, ${dryRun ? "which have" : "freed"} ${freedBytes} bytes`,
  );
  return 0;
});
