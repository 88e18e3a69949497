// What a build engine promises about what a build can access.

import { expect, test } from "vitest";
import { never, run, sandboxesOf, spec, textOf } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function isolatedBuilds(underTest: BuildsUnderTest): void {
  const { open, image } = underTest;
  const sandboxOf = sandboxesOf(underTest);

  test("a build has no capabilities, and writes to its own folders only", async () => {
    await using sandbox = await sandboxOf(`
      id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; echo "$GREETING"
      touch /work/a /tmp/b /app/c && echo written
      touch /etc/d 2>/dev/null || echo refused
      ls /var/run/docker.sock 2>/dev/null || echo no engine`);
    const { text, exit } = await run(sandbox);
    expect(text.split("\n").map((line) => line.replace(/\s+/g, " "))).toEqual([
      "2000",
      "CapEff: 0000000000000000",
      "CapBnd: 0000000000000000",
      "NoNewPrivs: 1",
      "hello",
      "written",
      "refused",
      "no engine",
      "",
    ]);
    expect(exit).toEqual({ exitCode: 0, outOfMemory: false, diskFull: false });
  });

  test("the build's host name resolves inside it", async () => {
    await using sandbox = await sandboxOf('getent hosts "$HOSTNAME" >/dev/null && echo resolved $(hostname)');
    expect((await run(sandbox)).text).toMatch(/^resolved \S+\n$/);
  });

  test("sandboxes cannot reach one another", async () => {
    await using other = open();
    const listening = Promise.withResolvers<string>();
    await using server = await other.createSandbox(spec(image(), serverScript), never);
    const served = server.run({
      signal: never,
      onOutput: (bytes) => listening.resolve(textOf(bytes).trim()),
    });
    const address = await listening.promise;
    await using client = await sandboxOf(`timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/9000' 2>/dev/null`);
    expect((await run(client)).exit.exitCode).not.toBe(0);
    await server[Symbol.asyncDispose]();
    await Promise.allSettled([served]);
  });
}

const serverScript = `exec perl -MIO::Socket::INET -e '
  $| = 1;
  my $server = IO::Socket::INET->new(LocalPort => 9000, Listen => 5) or die;
  print \`hostname -i\`;
  $server->accept while 1'`;
