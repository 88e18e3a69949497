// npm run rotate-keys: generates new keys for this installation, which running processes load without a restart.

import { print, readConfig, rotateKeys, runCommand, SetupError, takesOnly } from "@slipway/setup";

await runCommand(async () => {
  const dropFormer = takesOnly("rotate-keys", ["--now"]).includes("--now");
  const { dataDir, signingKeysGiven, receiptKeyGiven } = readConfig();
  if (signingKeysGiven) {
    throw new SetupError(
      "The signing keys come from the environment: add a new one at the start of SIGNING_KEYS, replace RECEIPT_KEY, and restart all processes.",
    );
  }
  const { keys, file } = await rotateKeys(dataDir, { dropFormer });
  const former = keys - 1;
  const held = `signatures of ${former === 1 ? "the former key" : `the ${former} former keys`} stay valid`;
  print(`${file} has a new signing key; ${dropFormer ? "earlier signatures are no longer valid" : held}.`);
  if (!receiptKeyGiven) print("New receipts are signed with a new key; receipts of former keys stay valid.");
  return 0;
});
