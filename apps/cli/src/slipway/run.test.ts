import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { freePort } from "@slipway/testkit";
import { sendJson, startApi, startServer } from "../../test-support/api.ts";
import { anAppBody } from "../../test-support/bodies.ts";
import { slipwayProcess } from "../../test-support/slipway-process.ts";
import type { CliConfig } from "./config.ts";
import { readCliConfig } from "./config.ts";
import { findCredentials, storeCredentials } from "./credentials.ts";
import { parseDotenv } from "./dotenv.ts";
import { runSlipway } from "./run.ts";

let config: CliConfig;
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-cli-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  config = { ...readCliConfig({ HOME: folder }), folder };
});

test("slipway exits with 2 for unknown commands, options and arguments", async () => {
  expect(await runSlipway(config, ["unknown"])).toBe(2);
  expect(await runSlipway(config, ["status", "--unknown"])).toBe(2);
  const signedIn = { ...config, url: "http://127.0.0.1:1", token: "t" };
  expect(await runSlipway(signedIn, ["scale", "web"])).toBe(2);
  expect(await runSlipway(signedIn, ["apps", "delete", "my-app", "--confirm", "other"])).toBe(2);
});

test("slipway deploys an image by digest without a folder, and refuses an image with a folder", async () => {
  const bodies: unknown[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "GET") return sendJson(response, 200, { app: anAppBody() });
    bodies.push(await json(request));
    sendJson(response, 422, { errors: { image: ["has no digest"] } });
  };
  const url = await startApi((request, response) => void answer(request, response));
  const signedIn = { ...config, url, token: "tk" };
  const deploy = ["deploy", "--app", "my-app", "--image", "registry.test/app:1", "--ref", "v1"];
  expect(await runSlipway(signedIn, deploy)).toBe(1);
  expect(bodies).toEqual([{ deployment: { image: "registry.test/app:1", git_ref: "v1" } }]);
  expect(await runSlipway(signedIn, [...deploy, "./site"])).toBe(2);
});

test("slipway exits with 3 without a token, and when the API rejects the token", async () => {
  expect(await runSlipway(config, ["status"])).toBe(3);
  const url = await startServer((_request, response) => sendJson(response, 401, {}));
  expect(await runSlipway({ ...config, url, token: "tk" }, ["whoami"])).toBe(3);
});

test("slipway login sends a password as it was typed, and an API token without blanks around it", async () => {
  const logins: string[] = [];
  const url = await startServer((request, response) => {
    logins.push(atob(request.headers.authorization?.replace("Basic ", "") ?? ""));
    sendJson(response, 401, {});
  });
  const login = (input: string, ...args: string[]) =>
    slipwayProcess(["login", url, ...args], { input, home: config.folder });
  await login(" pass word \r\n", "--user", "ada");
  await login(" tk-us-1 \n");
  expect(logins).toEqual(["ada: pass word ", ":tk-us-1"]);
});

test("slipway exits with 4 when Slipway does not answer", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  expect(await runSlipway({ ...config, url, token: "tk" }, ["whoami"])).toBe(4);
});

test("stored credentials are readable by their owner only, also after a change", async () => {
  await storeCredentials(config, { url: "http://a", token: "one" });
  await storeCredentials(config, { url: "http://a", token: "two" });
  expect((await stat(config.credentialsFile)).mode & 0o777).toBe(0o600);
  expect(await readFile(config.credentialsFile, "utf8")).toContain("two");
  expect(await findCredentials(config)).toEqual({ url: "http://a", token: "two" });
});

test("the stored token is not sent to another address than the one it was stored for", async () => {
  await storeCredentials(config, { url: "http://a", token: "one" });
  await expect(findCredentials({ ...config, url: "http://b" })).rejects.toMatchObject({ exitCode: 3 });
  expect(await findCredentials({ ...config, token: "two" })).toEqual({ url: "http://a", token: "two" });
});

test.each([
  ["http://a", "http://a/"],
  ["https://A.example.com:443", "https://a.example.com"],
  ["http://a/slipway/", "http://a/slipway"],
])("a token that was stored for %s is the one of %s", async (stored, url) => {
  await storeCredentials(config, { url: stored, token: "one" });
  expect(await findCredentials({ ...config, url })).toMatchObject({ token: "one" });
});

test("damaged credentials are an error that names the command that replaces them", async () => {
  await storeCredentials(config, { url: "http://a", token: "one" });
  await writeFile(config.credentialsFile, "{");
  await expect(findCredentials(config)).rejects.toThrow('is damaged: run "slipway login"');
});

test("a .env file has comments, quotes and values of several lines", () => {
  const text = "# comment\nA=1\nexport B='two words'\nC=\"line 1\nline 2\"\n";
  expect(parseDotenv(text)).toEqual([
    { name: "A", value: "1" },
    { name: "B", value: "two words" },
    { name: "C", value: "line 1\nline 2" },
  ]);
});
