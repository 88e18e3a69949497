// The contract suite of the build engine port: what every adapter of it must do with hostile builds, as tests.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuildEngine, type ByteStream, label, type Sandbox, type SandboxSpec } from "@slipway/core";
import { readEntries } from "@slipway/tar";
import { packTar } from "./pack-tar-gz.ts";

/** An installation on the engine for one suite. Disposing it removes its containers, networks and volumes. */
export interface EngineUnderTest extends AsyncDisposable {
  /** An image with bash, coreutils and perl. */
  readonly image: string;
  /** Opens another connection for the same installation; the caller disposes it. */
  readonly open: () => BuildEngine;
  /** Opens a connection for another installation on the same engine. */
  readonly openOther: () => BuildEngine;
}

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;

/**
 * Runs the suite.
 * @param name the adapter's. @param newContext provides an empty installation; called once.
 */
export function engineContract(name: string, newContext: () => Promise<EngineUnderTest>): void {
  describe(`${name} fulfills the build engine's contract`, () => {
    const opened = new AsyncDisposableStack();
    let context: EngineUnderTest;
    let engine: BuildEngine;
    beforeAll(async () => {
      context = opened.use(await newContext());
      engine = opened.use(context.open());
    });
    afterAll(() => opened.disposeAsync());

    const sandboxOf = async (script: string, changes: Partial<SandboxSpec> = {}): Promise<Sandbox> =>
      await engine.createSandbox({ ...spec(context.image, script), ...changes }, never);

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
      await using sandbox = await sandboxOf(
        'getent hosts "$HOSTNAME" >/dev/null && echo resolved $(hostname)',
      );
      expect((await run(sandbox)).text).toMatch(/^resolved \S+\n$/);
    });

    test("an engine reports its processors and memory", async () => {
      const capacity = await engine.capacity();
      expect(capacity.cpus).toBeGreaterThan(0);
      expect(capacity.memoryBytes).toBeGreaterThan(mebibyte);
    });

    test("all output is delivered in order, before the exit code", async () => {
      await using sandbox = await sandboxOf("seq 1 200000; exit 9");
      const { text, exit } = await run(sandbox);
      const lines = text.trimEnd().split("\n");
      expect(lines.length).toBe(200_000);
      expect(lines.every((line, index) => line === String(index + 1))).toBe(true);
      expect(exit.exitCode).toBe(9);
    });

    test("a build ends although a process that it started still runs", async () => {
      await using sandbox = await sandboxOf("setsid sleep 600 & echo done");
      expect(await run(sandbox)).toMatchObject({ text: "done\n", exit: { exitCode: 0 } });
    });

    test("stdout and stderr are both delivered as output", async () => {
      await using sandbox = await sandboxOf("echo to stdout; echo to stderr >&2");
      const { text } = await run(sandbox);
      expect(text).toContain("to stdout\n");
      expect(text).toContain("to stderr\n");
    });

    test("output waits for the promise that its receiver returned", async () => {
      await using sandbox = await sandboxOf("seq 1 300000");
      let busy = 0;
      let maxConcurrent = 0;
      await sandbox.run({
        signal: never,
        onOutput: async () => {
          busy += 1;
          maxConcurrent = Math.max(maxConcurrent, busy);
          await new Promise((resolve) => void setImmediate(resolve));
          busy -= 1;
        },
      });
      expect(maxConcurrent).toBe(1);
      expect(busy).toBe(0);
    });

    test("an error of the output's receiver ends the build and rejects its run", async () => {
      await using sandbox = await sandboxOf("while :; do echo on and on; done");
      const failed = sandbox.run({ signal: never, onOutput: () => Promise.reject(new Error("log is full")) });
      await expect(failed).rejects.toThrow("log is full");
    });

    test("files are uploaded to a build and downloaded from it", async () => {
      await using sandbox = await sandboxOf(
        "cd /work/build && cp b/two a-one && mkdir made && echo new >made/file",
      );
      const sent = await packTar({ "b/": "", "b/two": "second" });
      await sandbox.upload("/work/build", oneChunk(sent), never);
      expect((await run(sandbox)).exit.exitCode).toBe(0);
      const names = await tarNames(await sandbox.download("/work/build", never));
      expect(names).toEqual([
        "build/",
        "build/a-one",
        "build/b/",
        "build/b/two",
        "build/made/",
        "build/made/file",
      ]);
    });

    test.for([
      ["nothing", "true"],
      ["a regular file", "echo x >/work/build"],
      ["a symbolic link", "ln -s /proc/self/fd/8 /work/build"],
      ["a symbolic link", "ln -s /etc /work/build"],
      // Engines fail to inspect these two.
      ["a symbolic link", "ln -s build /work/build"],
      ["a symbolic link", "ln -s /etc/passwd/x /work/build"],
      ["a fifo", "mkfifo /work/build; chmod 0 /work"],
    ])(
      "a build that leaves %s in place of a directory fails with build-failed: %s",
      async ([kind, script]) => {
        await using sandbox = await sandboxOf(script ?? "");
        await run(sandbox);
        await expect(sandbox.download("/work/build", never)).rejects.toMatchObject({
          code: "build-failed",
          message: `the build must leave a directory at /work/build, but left ${kind}`,
        });
      },
    );

    test("a download from a removed container fails with engine-unavailable", async () => {
      await using sandbox = await sandboxOf("true", { labels: { [label.deployment]: "gone" } });
      await run(sandbox);
      await engine.removeSandboxes({ [label.deployment]: "gone" });
      await expect(sandbox.download("/work", never)).rejects.toMatchObject({ code: "engine-unavailable" });
    });

    test("a sparse file is not read beyond the disk limit", async () => {
      await using sandbox = await sandboxOf("truncate -s 4T /work/build/x", {
        limits: { ...spec("", "").limits, diskBytes: 8 * mebibyte },
      });
      await sandbox.upload("/work/build", oneChunk(await packTar({})), never);
      expect((await run(sandbox)).exit).toEqual({ exitCode: 0, outOfMemory: false, diskFull: false });
      let readBytes = 0;
      const read = async (): Promise<void> => {
        for await (const bytes of await sandbox.download("/work/build", never)) readBytes += bytes.length;
      };
      await expect(read()).rejects.toMatchObject({ code: "build-disk-full" });
      expect(readBytes).toBeLessThanOrEqual(8 * mebibyte);
    });

    test("a tar that cannot be unpacked is distinguished from an unavailable engine", async () => {
      await using sandbox = await sandboxOf("true");
      const sent = await packTar({
        "a/": "",
        "a/e": { kind: "symlink", target: "../../../etc" },
        "a/large": Buffer.alloc(4 * mebibyte),
      });
      await expect(sandbox.upload("/work", oneChunk(sent), never)).rejects.toMatchObject({
        code: "engine-refused",
      });
    });

    test("an upload whose tar stream fails rejects with the stream's error", async () => {
      await using sandbox = await sandboxOf("true");
      const sent = await packTar({ file: "x".repeat(5000) });
      const broken = (async function* () {
        yield sent.subarray(0, 1000);
        throw new Error("source ended early");
      })();
      await expect(sandbox.upload("/work", broken, never)).rejects.toThrow("source ended early");
    });

    test("an abort kills the build and rejects with its reason", async () => {
      await using sandbox = await sandboxOf("echo begun; sleep 600");
      const abort = new AbortController();
      const ended = sandbox.run({
        signal: abort.signal,
        onOutput: () => abort.abort(new Error("stop requested")),
      });
      await expect(ended).rejects.toThrow("stop requested");
    });

    test("an aborted upload rejects with its reason", async () => {
      await using sandbox = await sandboxOf("true");
      const abort = new AbortController();
      const endless = (async function* (): AsyncGenerator<Uint8Array> {
        abort.abort(new Error("stop requested"));
        await new Promise(() => undefined);
        yield Buffer.alloc(0);
      })();
      await expect(sandbox.upload("/work", endless, abort.signal)).rejects.toThrow("stop requested");
    });

    test("memory is limited, and exceeding the limit is reported although the build goes on", async () => {
      await using sandbox = await sandboxOf("perl -e '$x = \"a\" x (400 * 1024 ** 2)'; exit 3");
      expect((await run(sandbox)).exit).toEqual({ exitCode: 3, outOfMemory: true, diskFull: false });
    });

    test.for([
      ["written", "dd if=/dev/zero of=/work/large bs=1M count=64; sleep 600"],
      [
        "deleted, but held open",
        "exec 5>/work/gone; rm /work/gone; dd if=/dev/zero bs=1M count=64 >&5; sleep 600",
      ],
      [
        "in an unreadable folder",
        "mkdir /work/m; dd if=/dev/zero of=/work/m/f bs=1M count=64; chmod 0 /work/m; sleep 600",
      ],
      ["empty, but very many", "mkdir /work/m; cd /work/m; seq 1 20000 | xargs touch; sleep 600"],
    ])("a build that fills its disk with files %s is ended", async ([, script]) => {
      await using sandbox = await sandboxOf(script ?? "", {
        limits: { ...spec("", "").limits, diskBytes: 32 * mebibyte },
      });
      expect((await run(sandbox)).exit).toMatchObject({ diskFull: true });
    });

    test("sandboxes cannot reach one another", async () => {
      await using other = context.open();
      const listening = Promise.withResolvers<string>();
      await using server = await other.createSandbox(spec(context.image, serverScript), never);
      const served = server.run({
        signal: never,
        onOutput: (bytes) => listening.resolve(textOf(bytes).trim()),
      });
      const address = await listening.promise;
      await using client = await sandboxOf(
        `timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/9000' 2>/dev/null`,
      );
      expect((await run(client)).exit.exitCode).not.toBe(0);
      await server[Symbol.asyncDispose]();
      await Promise.allSettled([served]);
    });

    test("sandboxes are found and removed by their labels, those of other installations never", async () => {
      await using stranger = context.openOther();
      const labels = { [label.deployment]: "d-1", [label.attempt]: "1" };
      await sandboxOf("true", { labels });
      await using kept = await sandboxOf("true", { labels: { ...labels, [label.attempt]: "2" } });
      expect(await stranger.removeSandboxes(labels)).toBe(0);
      expect(await engine.listSandboxes()).toContainEqual(expect.objectContaining(labels));
      expect(await engine.removeSandboxes(labels)).toBe(1);
      expect(await engine.listSandboxes()).not.toContainEqual(expect.objectContaining(labels));
      await kept[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
      expect(await engine.listSandboxes()).not.toContainEqual(
        expect.objectContaining({ [label.deployment]: "d-1" }),
      );
    });

    test("a running build can be disposed of", async () => {
      const sandbox = await sandboxOf("echo begun; sleep 600");
      const begun = Promise.withResolvers<void>();
      const ended = sandbox.run({ signal: never, onOutput: () => begun.resolve() });
      await begun.promise;
      await sandbox[Symbol.asyncDispose]();
      await Promise.allSettled([ended]);
      expect(await engine.listSandboxes()).toEqual([]);
    });

    test("an engine answers a ping", async () => {
      await expect(engine.ping()).resolves.toBeUndefined();
    });
  });
}

const serverScript = `exec perl -MIO::Socket::INET -e '
  $| = 1;
  my $server = IO::Socket::INET->new(LocalPort => 9000, Listen => 5) or die;
  print \`hostname -i\`;
  $server->accept while 1'`;

function spec(image: string, script: string): SandboxSpec {
  return {
    image,
    command: ["bash", "-c", script],
    environment: { GREETING: "hello", PATH: "/usr/local/bin:/usr/bin:/bin" },
    labels: { [label.deployment]: "of-the-suite" },
    limits: {
      memoryBytes: 256 * mebibyte,
      cpus: 1,
      pids: 128,
      tmpfsBytes: 32 * mebibyte,
      diskBytes: 512 * mebibyte,
    },
  };
}

async function run(sandbox: Sandbox) {
  const chunks: Uint8Array[] = [];
  const exit = await sandbox.run({ signal: never, onOutput: (bytes) => void chunks.push(bytes) });
  return { exit, text: textOf(Buffer.concat(chunks)) };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

async function* oneChunk(bytes: Uint8Array): ByteStream & AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Names of a tar's entries, in their order. */
async function tarNames(tar: ByteStream): Promise<string[]> {
  return Array.fromAsync(readEntries(tar, {}), ({ path }) => path);
}
