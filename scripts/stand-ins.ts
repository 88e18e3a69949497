// npm run stand-ins: makes the local images that stand in for public ones, and says how to use them.
import { takesOnly } from "./arguments.ts";
import { makeStandIns } from "./setup/stand-ins.ts";
import { print, runCommand, sayOn } from "./terminal.ts";

await runCommand(async () => {
  takesOnly("stand-ins", []);
  const { stackImage, packagesImage } = await makeStandIns(sayOn(process.stdout));
  print(`
Make the image of the apps:
  docker build --network host --build-arg PACKAGES_IMAGE=${packagesImage} -t slipway .
In .env:
  STACK_BUILD_IMAGE=${stackImage}
Then, without --build: docker compose up -d`);
  return 0;
});
