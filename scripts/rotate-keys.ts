// npm run rotate-keys: a new signing key for this installation; running processes take it up by themselves.
import { readConfig } from "./config.ts";
import { rotateSigningKey } from "./setup/installation.ts";
import { SetupError } from "./setup/setup-error.ts";
import { print, runCommand } from "./terminal.ts";

await runCommand(async () => {
  const { dataDir, signingKeysGiven } = readConfig();
  if (signingKeysGiven) {
    throw new SetupError(
      "The signing keys come from the environment: put a new one first in SIGNING_KEYS, before those in use, and start all processes again.",
    );
  }
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== "--now");
  if (unknown !== undefined) throw new SetupError(`There is no option "${unknown}".`);
  const { keys, file } = await rotateSigningKey(dataDir, { dropFormer: args.includes("--now") });
  print(`${file} has a new signing key; what ${keys - 1} former ones signed still holds.`);
  return 0;
});
