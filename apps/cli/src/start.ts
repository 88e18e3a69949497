// npm start: sets up what is missing and runs all apps in the foreground until a signal.

import {
  checkPorts,
  claimRunning,
  inheritedEnvironment,
  readConfig,
  runCommand,
  linePrinter,
  setup,
  startApps,
  stopOrphans,
  takesOnly,
  urls,
} from "@slipway/setup";

// Standard output is reserved for the apps' logs, which may be JSON for another program.
const printLine = linePrinter(process.stderr);

await runCommand(async () => {
  takesOnly("start", []);
  const config = readConfig();
  await using _running = await claimRunning(config);
  await stopOrphans(config.dataDir, config.graceMs, printLine);
  await checkPorts(config);
  // The apps' variables override the variables of the shell.
  const environment = inheritedEnvironment(await setup({ config, printLine }));
  const logFormat = process.stdout.isTTY ? "pretty" : "json";
  await using apps = await startApps(environment, { printLine, logFormat, obeySignals: true });
  const { apiUrl, streamUrl, routerUrl } = urls(config);
  printLine(
    `apps      API ${apiUrl}, stream ${streamUrl}, apps ${routerUrl}, queues ${apiUrl}/queues; Ctrl-C stops all`,
  );
  return await apps.ended;
});
