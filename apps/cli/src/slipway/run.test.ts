import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { execa } from "execa";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { freePort } from "@slipway/testkit";
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
  const texts = Object.fromEntries(
    ["id", "name", "region", "url", "base_url", "git_url", "created_at", "updated_at", "stack_id"].map(
      (field) => [field, "my-app"],
    ),
  );
  const links = { self: "", deployments: "", variables: "", deployments_stream: "" };
  const owner = { id: "u", username: "ada", email: "ada@example.com" };
  const settings = { status: "new", concurrency_policy: "queue", builder: "auto", builder_image: null };
  const app = {
    ...texts,
    ...settings,
    owner,
    links,
    project: { id: "p", name: "p" },
    flags: {},
    limits: {},
    last_deployed_at: null,
    last_deployment: null,
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === "/v1/tokens/exchange") response.end(JSON.stringify({ token: "jwt" }));
    else if (request.method === "GET") response.end(JSON.stringify({ app }));
    else {
      bodies.push(await json(request));
      response.writeHead(422).end(JSON.stringify({ errors: { image: ["has no digest"] } }));
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signedIn = { ...config, url, token: "tk" };
  const deploy = ["deploy", "--app", "my-app", "--image", "registry.test/app:1", "--ref", "v1"];
  expect(await runSlipway(signedIn, deploy)).toBe(1);
  expect(bodies).toEqual([{ deployment: { image: "registry.test/app:1", git_ref: "v1" } }]);
  expect(await runSlipway(signedIn, [...deploy, "./site"])).toBe(2);
});

test("slipway exits with 3 without a token, and when the API rejects the token", async () => {
  expect(await runSlipway(config, ["status"])).toBe(3);
  const server = createServer((_request, response) => response.writeHead(401).end("{}"));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await runSlipway({ ...config, url, token: "tk" }, ["whoami"])).toBe(3);
});

test("slipway login sends a password as it was typed, and an API token without blanks around it", async () => {
  const logins: string[] = [];
  const server = createServer((request, response) => {
    logins.push(atob(request.headers.authorization?.replace("Basic ", "") ?? ""));
    response.writeHead(401).end("{}");
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const program = new URL("../slipway.ts", import.meta.url).pathname;
  const login = (input: string, ...args: string[]) =>
    execa(process.execPath, [program, "login", url, ...args], {
      input,
      reject: false,
      env: { HOME: config.folder, XDG_CONFIG_HOME: "", SLIPWAY_URL: "", SLIPWAY_TOKEN: "" },
    });
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
