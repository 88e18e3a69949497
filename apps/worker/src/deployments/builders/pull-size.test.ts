import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cutServer, packTar, pushImage, startRegistry } from "@slipway/testkit";
import { openPullLimit } from "./pull-limit.ts";
import { pullSize } from "./pull-size.ts";

const { signal } = new AbortController();
const allowed = ["127.0.0.1"];
const options = { allowed, signal };
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch;

/** A registry with behavior that the real one has only after further set-up: tokens, indexes, redirects. @returns its host. */
async function scripted(
  respond: (path: string, request: IncomingMessage, response: ServerResponse, host: string) => void,
): Promise<string> {
  const server = createServer((request, response) =>
    respond(request.url ?? "", request, response, request.headers.host ?? ""),
  );
  onTestFinished(() => cutServer(server));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (response: ServerResponse, value: unknown) => response.end(JSON.stringify(value));
const manifest = (sizes: readonly number[]) => ({
  config: { size: 1 },
  layers: sizes.map((size) => ({ size })),
});

describe("the size of an image in a registry", () => {
  test("the layers and the configuration are summed up, by tag and by digest; a missing image is the user's error", async () => {
    await using registry = await startRegistry();
    const layer = await packTar({ file: "x".repeat(50_000) });
    const pushedDigest = await pushImage(registry.url, { repository: "a/b", tag: "1", layer });
    const sizeBytes = await pullSize(`${registry.host}/a/b:1`, options);
    expect(sizeBytes).toBeGreaterThan(0);
    expect(sizeBytes).toBeLessThan(50_000);
    expect(await pullSize(`${registry.host}/a/b@${pushedDigest}`, options)).toBe(sizeBytes);
    await expect(pullSize(`${registry.host}/a/b:2`, options)).rejects.toMatchObject({
      code: "build-failed",
      message: expect.stringContaining("status 404. Check its name"),
    });
  });

  test("the size of an index is that of its image for this machine, and a token is fetched if the registry asks for one", async () => {
    const host = await scripted((path, { headers }, response, self) => {
      if (path.startsWith("/token?")) return json(response, { token: path.slice(path.indexOf("?") + 1) });
      if (headers.authorization !== "Bearer service=r&scope=repository%3Aa%3Apull") {
        const challenge = `Bearer realm="http://${self}/token",service="r",scope="repository:a:pull"`;
        return response.writeHead(401, { "www-authenticate": challenge }).end();
      }
      if (path.endsWith(digest("b"))) return json(response, manifest([10, 20]));
      return json(response, {
        manifests: [
          { digest: digest("a"), platform: { os: "windows", architecture } },
          { digest: digest("b"), platform: { os: "linux", architecture } },
        ],
      });
    });
    expect(await pullSize(`${host}/a:1`, options)).toBe(31);
  });

  test.each([
    ["10.255.255.1/a:1", allowed],
    ["127.0.0.1:1/a:1", []],
  ])("%s is not requested while only %j is allowed", async (reference, ranges) => {
    await expect(pullSize(reference, { allowed: ranges, signal })).rejects.toMatchObject({
      code: "registry-unavailable",
      message: expect.stringMatching(/cannot be read: .*not allowed|public/),
    });
  });

  test("a redirect or a token service in a private network is not requested", async () => {
    const host = await scripted((path, _request, response) => {
      if (path.includes("redirected"))
        return response.writeHead(307, { location: "http://169.254.169.254/latest/meta-data" }).end();
      const challenge = 'Bearer realm="http://169.254.169.254/token",service="r"';
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    for (const name of ["redirected", "token"])
      await expect(pullSize(`${host}/${name}:1`, options)).rejects.toMatchObject({
        code: "registry-unavailable",
        message: expect.stringContaining("169.254.169.254"),
      });
  });

  test("a server that the registry redirects to is not asked for a token", async () => {
    const paths: string[] = [];
    const other = await scripted((path, _request, response, self) => {
      paths.push(path);
      if (path.startsWith("/token")) return json(response, { token: "t" });
      const challenge = `Bearer realm="http://${self}/token",service="r"`;
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    const host = await scripted((_path, _request, response) =>
      response.writeHead(307, { location: `http://${other}/moved` }).end(),
    );
    await expect(pullSize(`${host}/a:1`, options)).rejects.toMatchObject({ code: "build-failed" });
    expect(paths).toEqual(["/moved"]);
  });

  test("a response that is not a manifest is the user's error", async () => {
    const host = await scripted((_path, _request, response) => json(response, { layers: [{ size: -1 }] }));
    await expect(pullSize(`${host}/a:1`, options)).rejects.toMatchObject({ code: "build-failed" });
  });
});

test("an image over the limit is refused with both sizes, and a size is read once in ten minutes", async () => {
  let requests = 0;
  let at = 0;
  const host = await scripted((_path, _request, response) => {
    requests += 1;
    return json(response, manifest([3 * 1024 ** 2]));
  });
  const open = [{ range: "127.0.0.1", family: "ip" as const, port: null }];
  const config = { egress: { guarded: true, open }, limits: { pulledImageBytes: 2 * 1024 ** 2 } };
  const check = openPullLimit({ config, now: () => new Date(at) });
  for (let time = 0; time < 2; time += 1)
    await expect(check(`${host}/a:1`, signal)).rejects.toMatchObject({
      code: "build-failed",
      message: `the image ${host}/a:1 has 4 MiB compressed, more than the 2 MiB that may be pulled (PULLED_IMAGE_MAX_MB): name a smaller image`,
    });
  expect(requests).toBe(1);
  at = 11 * 60_000;
  await expect(check(`${host}/a:1`, signal)).rejects.toThrow("4 MiB");
  expect(requests).toBe(2);
  const roomy = { ...config, limits: { pulledImageBytes: 4 * 1024 ** 2 } };
  await openPullLimit({ config: roomy, now: () => new Date(at) })(`${host}/a:1`, signal);
});
