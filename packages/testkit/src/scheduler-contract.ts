// The contract suite of the scheduler port: what every place that releases run in has to do, said in tests.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Address, ReleaseSpec, Scheduler } from "@slipway/core";

/** An installation of its own. Disposing it removes what is left of it. */
export interface SchedulerPlace extends AsyncDisposable {
  /** An image with bash and perl. */
  readonly image: string;
  /** A further connection for the same installation; who opens it disposes it. */
  readonly open: () => Scheduler;
  /** How many containers of a release there are, in whatever state. */
  readonly countContainers: (releaseId: string) => Promise<number>;
}

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

/**
 * Runs the suite.
 * @param name the adapter's. @param newPlace makes an empty place, once.
 */
export function schedulerContract(name: string, newPlace: () => Promise<SchedulerPlace>): void {
  describe(`${name} keeps the scheduler's contract`, () => {
    const opened = new AsyncDisposableStack();
    let place: SchedulerPlace;
    let scheduler: Scheduler;
    beforeAll(async () => {
      place = opened.use(await newPlace());
      scheduler = opened.use(place.open());
    });
    afterAll(() => opened.disposeAsync());

    const releaseOf = (script: string, changes: Partial<ReleaseSpec> = {}): ReleaseSpec => ({
      ...spec(place.image, script),
      ...changes,
    });

    test("a release answers at the address once it is started", async () => {
      const release = releaseOf(serve("first"));
      const { address, text } = await start(scheduler, release);
      expect(await talk(address)).toBe("first");
      expect(text).toContain("about to listen\n");
      expect(await scheduler.list()).toContainEqual({ appId: release.appId, releaseId: release.releaseId });
      await scheduler.removeApp(release.appId);
    });

    test("the one that serves goes on until the next is promoted, and is gone then", async () => {
      const first = releaseOf(serve("first"));
      const second = releaseOf(serve("second"), { appId: first.appId, releaseNumber: 2 });
      const old = await start(scheduler, first);
      await scheduler.promote(first.appId, first.releaseId, { graceMs: 1000 });
      const next = await start(scheduler, second);
      expect(await talk(old.address)).toBe("first");
      expect(await talk(next.address)).toBe("second");
      await scheduler.promote(first.appId, second.releaseId, { graceMs: 1000 });
      await scheduler.promote(first.appId, second.releaseId, { graceMs: 1000 });
      expect(await talk(next.address)).toBe("second");
      expect(await place.countContainers(first.releaseId)).toBe(0);
      expect(await ofApp(scheduler, first.appId)).toEqual([second.releaseId]);
      await scheduler.removeApp(first.appId);
    });

    test("one that ignores SIGTERM is stopped all the same", async () => {
      const first = releaseOf(`trap "" TERM; ${serve("stubborn")}`);
      const second = releaseOf(serve("second"), { appId: first.appId, releaseNumber: 2 });
      await start(scheduler, first);
      await start(scheduler, second);
      await scheduler.promote(first.appId, second.releaseId, { graceMs: 1000 });
      expect(await place.countContainers(first.releaseId)).toBe(0);
      await scheduler.removeApp(first.appId);
    });

    test("a promoted release that crashes is started again at the same address", async () => {
      const release = releaseOf(serve("alive"));
      const { address } = await start(scheduler, release);
      await scheduler.promote(release.appId, release.releaseId, { graceMs: 1000 });
      expect(await talk(address, "die")).toBe("");
      await expect.poll(() => talk(address), { timeout: 20_000 }).toBe("alive");
      await scheduler.removeApp(release.appId);
    });

    test("one that exits is app-crashed, with all that it wrote", async () => {
      const release = releaseOf("seq 1 50000; exit 7");
      const { error, text } = await startToFail(scheduler, release);
      expect(error).toMatchObject({
        code: "app-crashed",
        message: expect.stringContaining("exited with code 7"),
      });
      expect(text.trimEnd().split("\n").length).toBe(50_000);
      expect(await place.countContainers(release.releaseId)).toBe(0);
    });

    test("one that needs more memory than it may have is app-crashed, and told why", async () => {
      const { error } = await startToFail(
        scheduler,
        releaseOf(`exec perl -e '$x = "a" x (400 * 1024 ** 2)'`),
      );
      expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("memory") });
    });

    test("one that never listens is boot-timeout", async () => {
      const release = releaseOf("echo idle; sleep 600", { bootTimeoutMs: 2000 });
      const { error, text } = await startToFail(scheduler, release);
      expect(error).toMatchObject({ code: "boot-timeout" });
      expect(text).toBe("idle\n");
      expect(await place.countContainers(release.releaseId)).toBe(0);
    });

    test("one that listens on the loopback only is boot-timeout, and told so", async () => {
      const release = releaseOf(serve("nobody hears", "127.0.0.1"), { bootTimeoutMs: 3000 });
      const { error } = await startToFail(scheduler, release);
      expect(error).toMatchObject({ code: "boot-timeout", message: expect.stringContaining("127.0.0.1") });
    });

    test("a release that fails leaves the one that serves alone", async () => {
      const first = releaseOf(serve("first"));
      const { address } = await start(scheduler, first);
      await scheduler.promote(first.appId, first.releaseId, { graceMs: 1000 });
      await startToFail(scheduler, releaseOf("exit 1", { appId: first.appId, releaseNumber: 2 }));
      expect(await talk(address)).toBe("first");
      await scheduler.removeApp(first.appId);
    });

    test("an abort rejects with its reason and leaves nothing", async () => {
      const release = releaseOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
      const abort = new AbortController();
      const started = scheduler.start(release, {
        signal: abort.signal,
        onOutput: () => abort.abort(new Error("asked to stop")),
      });
      await expect(started).rejects.toThrow("asked to stop");
      expect(await place.countContainers(release.releaseId)).toBe(0);
    });

    test("an error of the output's receiver fails the start", async () => {
      const release = releaseOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
      const started = scheduler.start(release, {
        signal: never,
        onOutput: () => Promise.reject(new Error("log is full")),
      });
      await expect(started).rejects.toThrow("log is full");
      expect(await place.countContainers(release.releaseId)).toBe(0);
    });

    test("an image that is nowhere is registry-unavailable", async () => {
      const release = releaseOf("true", { image: `127.0.0.1:1/none@sha256:${"0".repeat(64)}` });
      expect((await startToFail(scheduler, release)).error).toMatchObject({ code: "registry-unavailable" });
    });

    test("a further attempt removes what the one before left", async () => {
      const release = releaseOf(serve("again"));
      await start(scheduler, release);
      const { address } = await start(scheduler, { ...release, attempt: 2 });
      expect(await talk(address)).toBe("again");
      expect(await place.countContainers(release.releaseId)).toBe(1);
      await scheduler.discard(release.appId, release.releaseId);
      await scheduler.discard(release.appId, release.releaseId);
      expect(await place.countContainers(release.releaseId)).toBe(0);
    });

    test("a further attempt at a release that serves already does not interrupt it", async () => {
      const release = releaseOf(serve("serving"));
      const { address } = await start(scheduler, release);
      await scheduler.promote(release.appId, release.releaseId, { graceMs: 1000 });
      const next = await start(scheduler, { ...release, attempt: 2 });
      expect(await talk(address)).toBe("serving");
      await scheduler.promote(release.appId, release.releaseId, { graceMs: 1000 });
      expect(await talk(next.address)).toBe("serving");
      expect(await place.countContainers(release.releaseId)).toBe(1);
      await scheduler.removeApp(release.appId);
    });

    test("apps started at once each have an address of their own", async () => {
      await using other = place.open();
      const releases = ["one", "two", "three"].map((answer) => releaseOf(serve(answer)));
      const addresses = await Promise.all(
        releases.map((release, index) => start(index === 0 ? other : scheduler, release)),
      );
      expect(await Promise.all(addresses.map(({ address }) => talk(address)))).toEqual([
        "one",
        "two",
        "three",
      ]);
      await Promise.all(releases.map(({ appId }) => scheduler.removeApp(appId)));
      expect(await Promise.all(releases.map(({ appId }) => ofApp(scheduler, appId)))).toEqual([[], [], []]);
    });

    test("a release that is not there cannot be promoted", async () => {
      await expect(scheduler.promote(randomUUID(), randomUUID(), { graceMs: 0 })).rejects.toMatchObject({
        code: "not-found",
      });
    });

    test("it answers", async () => {
      await expect(scheduler.ping()).resolves.toBeUndefined();
    });
  });
}

/** A server that sends one word to each who connects, and ends with a failure when it is told to die. */
function serve(answer: string, address = "0.0.0.0"): string {
  return `exec perl -MIO::Socket::INET -e '
    $| = 1;
    print "about to listen\\n";
    my $server = IO::Socket::INET->new(
      LocalAddr => "${address}", LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
    while (my $client = $server->accept) {
      my $said = <$client>;
      exit 1 if $said =~ /die/;
      print $client "${answer}";
      close $client;
    }'`;
}

function spec(image: string, script: string): ReleaseSpec {
  return {
    appId: randomUUID(),
    appName: "contract",
    releaseId: randomUUID(),
    releaseNumber: 1,
    deploymentId: randomUUID(),
    attempt: 1,
    image,
    command: ["bash", "-c", script],
    processType: "web",
    environment: {},
    limits: { memoryBytes: 128 * mebibyte, cpus: 1, pids: 64 },
    bootTimeoutMs: 20_000,
  };
}

async function start(scheduler: Scheduler, release: ReleaseSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const address = await scheduler.start(release, { signal: never, onOutput });
  return { address, text };
}

async function startToFail(scheduler: Scheduler, release: ReleaseSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const started = scheduler.start(release, { signal: never, onOutput });
  const error: unknown = await started.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { error, text };
}

async function ofApp(scheduler: Scheduler, appId: string): Promise<string[]> {
  return (await scheduler.list())
    .filter((running) => running.appId === appId)
    .map(({ releaseId }) => releaseId);
}

/** What the server at the address answers; "" when it closes without a word or is not there. */
function talk({ host, port }: Address, words = "hello"): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host, port }, () => socket.write(`${words}\n`));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}
