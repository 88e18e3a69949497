// A folder of files is served unchanged.

import { expect, test } from "vitest";
import { packFolder } from "@slipway/cli/quickstart";
import { createApp, deployed, page, showApp, visit } from "./slipway.ts";

test("files are served, with their types, and nothing else is", async () => {
  const app = await createApp("static");
  const sample = new URL("../../samples/hello-static", import.meta.url).pathname;
  const { deployment } = await deployed(app.name, await packFolder(sample));
  expect(deployment.status).toBe("success");
  expect(await page(app.name)).toContain("<html");
  const { url } = await showApp(app.name);
  expect((await visit(new URL("/style.css", url))).contentType).toContain("text/css");
  expect((await visit(new URL("/nothing-here", url))).status).toBe(404);
});
