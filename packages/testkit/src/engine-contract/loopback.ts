// What a build engine promises about the user of a build, and about the requests on its loopback interface that its caller answers.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { HttpRequest, SandboxSpec } from "@slipway/core";
import { packTar } from "../pack-tar-gz.ts";
import { mebibyte, never, run, sandboxesOf } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

const port = 5000;

export function loopbackOfBuilds(underTest: BuildsUnderTest): void {
  usersOfBuilds(underTest);
  answeredRequests(underTest);
  stuckRequests(underTest);
}

/** @returns a function that makes the part of a specification with this handler of requests. */
function servingOf({ image }: BuildsUnderTest) {
  return (handle: NonNullable<SandboxSpec["loopback"]>["handle"]): Partial<SandboxSpec> => ({
    loopback: { port, image: image(), handle },
  });
}

function usersOfBuilds(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);

  test("a build runs as the given user, which owns what was uploaded for it", async () => {
    const user = { uid: 1234, gid: 4321 };
    await using sandbox = await sandboxOf(
      "id -u; id -g; stat -c '%u %g' /srv/app /tmp; touch /srv/app/file",
      {
        user,
      },
    );
    const folder = await packTar({ "srv/app": { kind: "directory", mode: 0o755, ...user } });
    await sandbox.upload("/", Readable.from([folder]), never);
    const { text, exit } = await run(sandbox);
    expect(text).toBe("1234\n4321\n1234 4321\n1234 4321\n");
    expect(exit.exitCode).toBe(0);
  });
}

function answeredRequests(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);
  const serving = servingOf(underTest);

  test("requests on the loopback interface are answered by the caller, several at a time and of any size", async () => {
    const received: (Pick<HttpRequest, "method" | "target"> & { digest: string })[] = [];
    const script = `
head -c 3000000 /dev/zero | tr '\\0' a >/tmp/body
for i in 1 2 3 4; do curl -sS -H 'x-one: two' -T /tmp/body http://127.0.0.1:${port}/up/$i?q | sha256sum & done; wait
curl -sS -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:${port}/missing`;
    await using sandbox = await sandboxOf(
      script,
      serving(async ({ method, target, headers, body }) => {
        if (body === null) return { status: 404, headers: {}, body: null };
        expect(headers["x-one"]).toBe("two");
        const digest = createHash("sha256")
          .update(await buffer(body))
          .digest("hex");
        received.push({ method, target, digest });
        return { status: 200, headers: {}, body: pieces(Buffer.alloc(5 * mebibyte, "b")) };
      }),
    );
    const { text } = await run(sandbox);
    const down = createHash("sha256")
      .update(Buffer.alloc(5 * mebibyte, "b"))
      .digest("hex");
    expect(text).toBe(`${`${down}  -\n`.repeat(4)}404\n`);
    const digest = createHash("sha256").update(Buffer.alloc(3_000_000, "a")).digest("hex");
    const targets = [1, 2, 3, 4].map((each) => ({ method: "PUT", target: `/up/${each}?q`, digest }));
    expect(received.toSorted((a, b) => (a.target < b.target ? -1 : 1))).toEqual(targets);
  });
}

function stuckRequests(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);
  const serving = servingOf(underTest);

  test("a response that is not read holds up no other, and a handler that fails is a bad gateway", async () => {
    const script = `
exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /endless HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; head -c 20 <&3 >/dev/null
curl -sS http://127.0.0.1:${port}/other
curl -sS -o /dev/null -w ' %{http_code}' http://127.0.0.1:${port}/failing`;
    const endless = Promise.withResolvers<AbortSignal>();
    {
      await using sandbox = await sandboxOf(
        script,
        serving(async ({ target }, signal) => {
          if (target === "/failing") throw new Error("on purpose");
          if (target === "/other") return { status: 200, headers: {}, body: pieces(Buffer.from("fine")) };
          endless.resolve(signal);
          return { status: 200, headers: {}, body: withoutEnd() };
        }),
      );
      expect((await run(sandbox)).text).toBe("fine 502");
    }
    const signal = await endless.promise;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });

  test("disposing of a sandbox removes all that answered its requests", async () => {
    const labels = { "io.slipway.deployment": "with-loopback" };
    const answer = async () => ({ status: 204, headers: {}, body: null });
    const sandbox = await sandboxOf("true", { ...serving(answer), labels });
    await run(sandbox);
    await sandbox[Symbol.asyncDispose]();
    expect(await underTest.engine().removeSandboxes(labels)).toBe(0);
  });
}

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

function pieces(bytes: Uint8Array) {
  return Object.assign(bytesOf(bytes), { [Symbol.asyncDispose]: async () => {} });
}

function withoutEnd() {
  async function* zeros(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(65_536);
  }
  return Object.assign(zeros(), { [Symbol.asyncDispose]: async () => {} });
}
