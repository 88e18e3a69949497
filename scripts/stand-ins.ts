// npm run stand-ins: makes local images in place of the public ones that cannot be pulled, and says how to use them.
import { takesOnly } from "./arguments.ts";
import { readConfig } from "./config.ts";
import { makeStandIns, withoutPublicImage } from "./setup/stand-ins.ts";
import { print, runCommand, sayOn } from "./terminal.ts";

await runCommand(async () => {
  takesOnly("stand-ins", []);
  const say = sayOn(process.stdout);
  const config = readConfig();
  const lacking = await withoutPublicImage(config, say);
  if (lacking.length === 0) {
    print("\nAll public images are there: docker compose up -d --build");
    return 0;
  }
  const made = Object.entries(await makeStandIns(config, lacking, say));
  const ofBuild = made.filter(([variable]) => ["NODE_IMAGE", "PACKAGES_IMAGE"].includes(variable));
  const flags = ofBuild.map(([variable, image]) => ` --build-arg ${variable}=${image}`).join("");
  print(`
In .env:
${made.map(([variable, image]) => `  ${variable}=${image}`).join("\n")}
Make the image of the apps:
  docker build --network host${flags} -t slipway .
Then, without --build: docker compose up -d`);
  return 0;
});
