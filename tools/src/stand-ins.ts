// npm run stand-ins: builds local replacements of the public images that cannot be pulled, and prints how to use them.

import { print, readConfig, runCommand, linePrinter, takesOnly } from "@slipway/setup";
import { buildStandIns, pullPublicImages } from "./images/stand-ins.ts";

await runCommand(async () => {
  takesOnly("stand-ins", []);
  const printLine = linePrinter(process.stdout);
  const config = readConfig();
  const missing = await pullPublicImages(config, printLine);
  if (missing.length === 0) {
    print("\nAll public images exist. Start Slipway: docker compose up -d --build");
    return 0;
  }
  const built = Object.entries(await buildStandIns(config, missing, printLine));
  const buildArguments = built.filter(([variable]) => ["NODE_IMAGE", "PACKAGES_IMAGE"].includes(variable));
  const flags = buildArguments.map(([variable, image]) => ` --build-arg ${variable}=${image}`).join("");
  print(`
Add to .env:
${built.map(([variable, image]) => `  ${variable}=${image}`).join("\n")}
Build the image of the apps:
  docker build --network host${flags} -t slipway .
Then, without --build: docker compose up -d`);
  return 0;
});
