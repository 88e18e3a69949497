// npm run rotate-keys: generates a new signing key for this installation, which running processes load without a restart.

import { print, readConfig, rotateSigningKey, runCommand, SetupError, takesOnly } from "@slipway/setup";

await runCommand(async () => {
  const dropFormer = takesOnly("rotate-keys", ["--now"]).includes("--now");
  const { dataDir, signingKeysGiven } = readConfig();
  if (signingKeysGiven) {
    throw new SetupError(
      "The signing keys come from the environment: add a new one at the start of SIGNING_KEYS, and restart all processes.",
    );
  }
  const { keys, file } = await rotateSigningKey(dataDir, { dropFormer });
  const former = keys - 1;
  const held = `signatures of ${former === 1 ? "the former key" : `the ${former} former keys`} stay valid`;
  print(`${file} has a new signing key; ${dropFormer ? "earlier signatures are no longer valid" : held}.`);
  return 0;
});
