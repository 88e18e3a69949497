// Draws the pictures of docs/bench.md from the stored measurements: node tools/src/bench-pictures.ts

import { writeFile } from "node:fs/promises";
import { print, runCommand, takesOnly } from "@slipway/setup";
import { benchPictures } from "./pictures/bench-pictures.ts";

await runCommand(async () => {
  takesOnly("bench-pictures", []);
  for (const { path, svg } of await benchPictures()) {
    await writeFile(path, svg);
    print(`wrote ${path}`);
  }
  return 0;
});
