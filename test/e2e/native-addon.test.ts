// Builds have compilers, so native add-ons compile; their releases have no compilers.

import { expect, inject, test } from "vitest";
import { openRegistry } from "@slipway/registry";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { createApp, deployed, page } from "./slipway.ts";

const compilers = "gcc g++ make";
const addon = `#include <node_api.h>
#include <string>
#include <vector>

static napi_value Greet(napi_env env, napi_callback_info) {
  std::vector<std::string> words = {"hello", "from", "C++"};
  std::string text;
  for (const auto& word : words) text += text.empty() ? word : " " + word;
  napi_value result;
  napi_create_string_utf8(env, text.c_str(), text.size(), &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value greet;
  napi_create_function(env, "greet", NAPI_AUTO_LENGTH, Greet, nullptr, &greet);
  napi_set_named_property(env, exports, "greet", greet);
  return exports;
}
`;
const server = `const { greet } = require("./build/Release/greeting.node");
require("node:http").createServer((request, response) => response.end(greet())).listen(process.env.PORT);
`;

test.concurrent("a C++ add-on is compiled by the install script of an app, and the release answers from it", async () => {
  const app = await createApp("addon");
  const manifest = { name: "app", version: "1.0.0", hasInstallScript: true, engines: { node: "24.x" } };
  const source = await packTarGz({
    "app/package.json": JSON.stringify({ ...manifest, scripts: { install: "node-gyp rebuild" } }),
    "app/package-lock.json": JSON.stringify({ name: "app", lockfileVersion: 3, packages: { "": manifest } }),
    "app/binding.gyp": JSON.stringify({ targets: [{ target_name: "greeting", sources: ["addon.cc"] }] }),
    "app/addon.cc": addon,
    "app/server.js": server,
    "app/Procfile": "web: node server.js\n",
  });
  const { deployment } = await deployed(app.name, source);
  expect(deployment.status).toBe("success");
  expect(await page(app.name)).toBe("hello from C++");
});

test.concurrent("a build has compilers, and its release has none of them", async () => {
  const app = await createApp("compilers");
  const compile = `for one in ${compilers}; do command -v "$one" || exit 1; done`;
  const web = answering(`$(command -v ${compilers} || echo none)`);
  const { deployment } = await deployed(app.name, await packTarGz(inlineApp(compile, web)));
  expect(deployment.status).toBe("success");
  expect(await page(app.name)).toBe("none");
});

test.concurrent("the image that builds run in has the layers that releases run on, and one more", async () => {
  const { registryUrl, run, build } = inject("stack");
  await using registry = openRegistry({ url: registryUrl });
  const { signal } = new AbortController();
  const layersOf = async (image: string) =>
    ((await registry.inspect(image, signal))?.layers ?? []).map(({ digest }) => digest);
  const [ofRun, ofBuild] = [await layersOf(run), await layersOf(build)];
  expect(ofRun).not.toEqual([]);
  expect(ofBuild.slice(0, -1)).toEqual(ofRun);
});
