// npm run rotate-keys: a new signing key for this installation; running processes take it up by themselves.
import { takesOnly } from "./arguments.ts";
import { readConfig } from "./config.ts";
import { rotateSigningKey } from "./setup/installation.ts";
import { SetupError } from "./setup/setup-error.ts";
import { print, runCommand } from "./terminal.ts";

await runCommand(async () => {
  const dropFormer = takesOnly("rotate-keys", ["--now"]).includes("--now");
  const { dataDir, signingKeysGiven } = readConfig();
  if (signingKeysGiven) {
    throw new SetupError(
      "The signing keys come from the environment: put a new one first in SIGNING_KEYS, before those in use, and start all processes again.",
    );
  }
  const { keys, file } = await rotateSigningKey(dataDir, { dropFormer });
  const former = keys - 1;
  const held = `what the former ${former === 1 ? "one" : `${former}`} signed still holds`;
  print(
    `${file} has a new signing key; ${dropFormer ? "nothing that was signed before holds any more" : held}.`,
  );
  return 0;
});
