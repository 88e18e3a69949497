// The contract suite of the scheduler port: what every place that releases run in has to do, said in tests.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Address, RolloutSpec, Scheduler } from "@slipway/core";

/** An installation of its own. Disposing it removes what is left of it. */
export interface SchedulerPlace extends AsyncDisposable {
  /** An image with bash and perl. */
  readonly image: string;
  /** A further connection for the same installation; who opens it disposes it. */
  readonly open: () => Scheduler;
  /** How many containers of a rollout there are, in whatever state. */
  readonly countContainers: (rolloutId: string) => Promise<number>;
}

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

/**
 * Runs the suite.
 * @param name the adapter's. @param newPlace makes an empty place, once.
 */
export function schedulerContract(name: string, newPlace: () => Promise<SchedulerPlace>): void {
  // They wait, mostly: for processes, and on a swarm for its managers. Each has apps of its own.
  describe(`${name} keeps the scheduler's contract`, { concurrent: true, timeout: 90_000 }, () => {
    const opened = new AsyncDisposableStack();
    let place: SchedulerPlace;
    let scheduler: Scheduler;
    beforeAll(async () => {
      place = opened.use(await newPlace());
      scheduler = opened.use(place.open());
    });
    afterAll(() => opened.disposeAsync());

    const rolloutOf = (script: string, changes: Partial<RolloutSpec> = {}): RolloutSpec => ({
      ...spec(place.image, script),
      ...changes,
    });
    const next = (first: RolloutSpec, script: string, changes: Partial<RolloutSpec> = {}): RolloutSpec =>
      rolloutOf(script, { appId: first.appId, releaseNumber: first.releaseNumber + 1, ...changes });
    const promote = (rollout: RolloutSpec, graceMs = 1000): Promise<void> =>
      scheduler.promote(rollout.appId, rollout.rolloutId, { graceMs, count: rollout.count });
    const untilContainers = (rollout: RolloutSpec, count: number): Promise<void> =>
      eventually(async () => expect(await place.countContainers(rollout.rolloutId)).toBe(count));
    const untilGone = (rollout: RolloutSpec): Promise<void> => untilContainers(rollout, 0);
    const running = async (rollout: RolloutSpec): Promise<string[]> =>
      (await scheduler.list())
        .filter(({ appId }) => appId === rollout.appId)
        .map(({ rolloutId }) => rolloutId);

    test("a command runs to its end beside what serves, and nothing of it stays", async () => {
      const serving = rolloutOf(serve("serving"));
      const { addresses } = await start(scheduler, serving);
      await promote(serving);
      const written: Buffer[] = [];
      const onOutput = (bytes: Uint8Array) => void written.push(Buffer.from(bytes));
      const task = next(serving, 'echo "$GREETING from $CONTAINER"; echo oops >&2; exit 3', {
        processType: "hook",
        environment: { GREETING: "hello" },
      });
      const exit = await scheduler.run(task, { onOutput, signal: never });
      expect(exit).toEqual({ exitCode: 3, outOfMemory: false });
      const said = Buffer.concat(written).toString().trimEnd().split("\n");
      expect(new Set(said)).toEqual(new Set(["hello from hook-1", "oops"]));
      await untilGone(task);
      expect(await talkAll(addresses)).toEqual(["serving"]);
      expect(await running(serving)).toEqual([serving.rolloutId]);
      await scheduler.removeApp(serving.appId);
    });

    test("a command that is aborted, or was left by a dead attempt, goes", async () => {
      const task = rolloutOf("echo begun; exec sleep 600");
      const onOutput = () => stop.abort(new Error("enough"));
      const stop = new AbortController();
      await expect(scheduler.run(task, { onOutput, signal: stop.signal })).rejects.toThrow("enough");
      await untilGone(task);
      const begun = Promise.withResolvers<void>();
      const left = scheduler.run(task, { onOutput: () => begun.resolve(), signal: never });
      left.catch(() => undefined);
      await begun.promise;
      await scheduler.discard(task.appId, task.rolloutId, { attempt: task.attempt });
      await untilGone(task);
      expect(await Promise.allSettled([left])).toMatchObject([{ status: expect.stringMatching(/./) }]);
    });

    test("an instance answers at its address once it is started", async () => {
      const rollout = rolloutOf(serve("first"));
      const { addresses, text } = await start(scheduler, rollout);
      expect(await talkAll(addresses)).toEqual(["first"]);
      expect(text).toBe("about to listen\n");
      const { appId, releaseId, rolloutId, attempt } = rollout;
      expect(await scheduler.list()).toContainEqual({ appId, releaseId, rolloutId, attempt });
      await scheduler.removeApp(appId);
    });

    test("several instances each have an address, an index and an environment of their own", async () => {
      const script = serve("$ENV{GREETING} $ENV{CONTAINER} $ENV{HOSTNAME}", { says: "$ENV{CONTAINER}" });
      const greeting = `{{ .Task }} "'$HOME\\`;
      const rollout = rolloutOf(script, { count: 3, environment: { GREETING: greeting } });
      const { addresses, text } = await start(scheduler, rollout);
      const answers = [1, 2, 3].map((index) => `${greeting} web-${index} contract-web-${index}`);
      expect(await talkAll(addresses)).toEqual(answers);
      expect(lines(text).toSorted()).toEqual(["web-1", "web-2", "web-3"]);
      await promote(rollout);
      expect(await scheduler.addresses(rollout.appId, rollout.rolloutId)).toEqual(addresses);
      const { appId, releaseId, releaseNumber, rolloutId, processType, limits } = rollout;
      const instances = await scheduler.instances(appId);
      expect(instances.map(({ address }) => address)).toEqual(addresses);
      expect(instances.map(({ index }) => index)).toEqual([1, 2, 3]);
      const { memoryBytes, cpus } = limits;
      const common = { appId, releaseId, releaseNumber, rolloutId, processType, memoryBytes, cpus };
      for (const instance of instances) expect(instance).toMatchObject({ ...common, state: "running" });
      expect(new Set(instances.map(({ id }) => id)).size).toBe(3);
      expect(await running(rollout)).toEqual([rolloutId]);
      await scheduler.removeApp(appId);
      await untilGone(rollout);
      expect(await scheduler.instances(appId)).toEqual([]);
    });

    test("what serves goes on until the next is promoted, and is gone then", async () => {
      const first = rolloutOf(serve("first"), { count: 2 });
      const second = next(first, serve("second"));
      const old = await start(scheduler, first);
      await promote(first);
      const { addresses } = await start(scheduler, second);
      expect(await talkAll(old.addresses)).toEqual(["first", "first"]);
      expect(await talkAll(addresses)).toEqual(["second"]);
      await promote(second);
      await promote(second);
      expect(await talkAll(addresses)).toEqual(["second"]);
      await untilGone(first);
      expect(await running(first)).toEqual([second.rolloutId]);
      await scheduler.removeApp(first.appId);
    });

    test("a new rollout of the same release takes the place of the one that serves", async () => {
      const first = rolloutOf(serve("$ENV{CONTAINER}"));
      const second = { ...first, rolloutId: randomUUID(), count: 2, deploymentId: null };
      await start(scheduler, first);
      await promote(first);
      const { addresses } = await start(scheduler, second);
      await promote(second);
      expect(await talkAll(addresses)).toEqual(["web-1", "web-2"]);
      expect(await running(first)).toEqual([second.rolloutId]);
      await scheduler.removeApp(first.appId);
    });

    test("none at all is a rollout too: what serves stops when it is promoted", async () => {
      const first = rolloutOf(serve("first"));
      const none = next(first, serve("second"), { count: 0 });
      await start(scheduler, first);
      await promote(first);
      expect((await start(scheduler, none)).addresses).toEqual([]);
      await promote(none);
      await untilGone(first);
      expect(await scheduler.instances(first.appId)).toEqual([]);
      expect(await scheduler.addresses(first.appId, none.rolloutId)).toEqual([]);
    });

    test("one that ignores SIGTERM is stopped all the same", async () => {
      const first = rolloutOf(`trap "" TERM; ${serve("stubborn")}`);
      const second = next(first, serve("second"));
      await start(scheduler, first);
      await promote(first);
      await start(scheduler, second);
      await promote(second);
      await untilGone(first);
      expect(await running(first)).toEqual([second.rolloutId]);
      await scheduler.removeApp(first.appId);
    });

    test("a promoted instance that crashes is started again", async () => {
      const rollout = rolloutOf(serve("alive"));
      const { addresses } = await start(scheduler, rollout);
      await promote(rollout);
      expect(await talk(addresses[0], "die")).toBe("");
      await eventually(async () => {
        const answers = await talkAll(await scheduler.addresses(rollout.appId, rollout.rolloutId));
        expect(answers).toEqual(["alive"]);
      });
      await scheduler.removeApp(rollout.appId);
    });

    test("one that exits is app-crashed, with all that it wrote", async () => {
      const rollout = rolloutOf("seq 1 50000; exit 7");
      const { error, text } = await startToFail(scheduler, rollout);
      expect(error).toMatchObject({
        code: "app-crashed",
        message: expect.stringContaining("exited with code 7"),
      });
      expect(lines(text)).toHaveLength(50_000);
      await untilGone(rollout);
    });

    test("one of several that exits fails all of them", async () => {
      const script = `[ $CONTAINER = web-2 ] && exit 3; ${serve("fine")}`;
      const rollout = rolloutOf(script, { count: 3 });
      const { error } = await startToFail(scheduler, rollout);
      expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("code 3") });
      await untilGone(rollout);
    });

    test("one that needs more memory than it may have is app-crashed, and told why", async () => {
      const { error } = await startToFail(
        scheduler,
        rolloutOf(`exec perl -e '$x = "a" x (400 * 1024 ** 2)'`),
      );
      expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("memory") });
    });

    test("one that never listens is boot-timeout", async () => {
      const rollout = rolloutOf("echo idle; sleep 600", { bootTimeoutMs: 3000 });
      const { error, text } = await startToFail(scheduler, rollout);
      expect(error).toMatchObject({ code: "boot-timeout" });
      expect(text).toBe("idle\n");
      await untilGone(rollout);
    });

    test("one that listens on the loopback only is boot-timeout, and told so", async () => {
      const rollout = rolloutOf(serve("nobody hears", { address: "127.0.0.1" }), { bootTimeoutMs: 3000 });
      const { error } = await startToFail(scheduler, rollout);
      expect(error).toMatchObject({ code: "boot-timeout", message: expect.stringContaining("127.0.0.1") });
    });

    test("a rollout that fails leaves the one that serves alone", async () => {
      const first = rolloutOf(serve("first"));
      const { addresses } = await start(scheduler, first);
      await promote(first);
      await startToFail(scheduler, next(first, "exit 1"));
      expect(await talkAll(addresses)).toEqual(["first"]);
      expect(await running(first)).toEqual([first.rolloutId]);
      await scheduler.removeApp(first.appId);
    });

    test("an abort rejects with its reason and leaves nothing", async () => {
      const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
      const abort = new AbortController();
      const started = scheduler.start(rollout, {
        signal: abort.signal,
        onOutput: () => abort.abort(new Error("asked to stop")),
      });
      await expect(started).rejects.toThrow("asked to stop");
      await untilGone(rollout);
    });

    test("an error of the output's receiver fails the start", async () => {
      const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
      const started = scheduler.start(rollout, {
        signal: never,
        onOutput: () => Promise.reject(new Error("log is full")),
      });
      await expect(started).rejects.toThrow("log is full");
      await untilGone(rollout);
    });

    test("an image that is nowhere is registry-unavailable", async () => {
      const rollout = rolloutOf("true", { image: `127.0.0.1:1/none@sha256:${"0".repeat(64)}` });
      expect((await startToFail(scheduler, rollout)).error).toMatchObject({ code: "registry-unavailable" });
    });

    test("a further attempt removes what the one before left", async () => {
      const rollout = rolloutOf(serve("again"));
      const left = await start(scheduler, rollout);
      const { addresses } = await start(scheduler, { ...rollout, attempt: 2 });
      expect(await talkAll(addresses)).toEqual(["again"]);
      expect(addresses).not.toEqual(left.addresses);
      await untilContainers(rollout, 1);
      await scheduler.discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
      await scheduler.discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
      await untilGone(rollout);
    });

    test("an attempt that was overtaken does no harm", async () => {
      const rollout = rolloutOf(serve("ahead"), { attempt: 2 });
      const { addresses } = await start(scheduler, rollout);
      const { error } = await startToFail(scheduler, { ...rollout, attempt: 1 });
      expect(error).toMatchObject({ code: "lease-lost" });
      await scheduler.discard(rollout.appId, rollout.rolloutId, { attempt: 1 });
      expect(await talkAll(addresses)).toEqual(["ahead"]);
      await scheduler.removeApp(rollout.appId);
    });

    test("a further attempt at a rollout that serves already does not interrupt it", async () => {
      const rollout = rolloutOf(serve("serving"), { count: 2 });
      const { addresses } = await start(scheduler, rollout);
      await promote(rollout);
      const again = await start(scheduler, { ...rollout, attempt: 2 });
      expect(await talkAll(addresses)).toEqual(["serving", "serving"]);
      await promote(rollout);
      expect(await talkAll(again.addresses)).toEqual(["serving", "serving"]);
      expect(await scheduler.addresses(rollout.appId, rollout.rolloutId)).toEqual(again.addresses);
      await untilContainers(rollout, 2);
      await scheduler.removeApp(rollout.appId);
    });

    test("apps started at once each have an address of their own", async () => {
      await using other = place.open();
      const rollouts = ["one", "two", "three"].map((answer) => rolloutOf(serve(answer)));
      const started = await Promise.all(
        rollouts.map((rollout, index) => start(index === 0 ? other : scheduler, rollout)),
      );
      const answers = await talkAll(started.flatMap(({ addresses }) => addresses));
      expect(answers).toEqual(["one", "two", "three"]);
      await Promise.all(rollouts.map(({ appId }) => scheduler.removeApp(appId)));
      expect(await Promise.all(rollouts.map(running))).toEqual([[], [], []]);
    });

    test("a rollout that is not there cannot be promoted, and what serves stays", async () => {
      const first = rolloutOf(serve("first"));
      const { addresses } = await start(scheduler, first);
      await promote(first);
      await expect(promote(next(first, "true"))).rejects.toMatchObject({ code: "not-found" });
      expect(await talkAll(addresses)).toEqual(["first"]);
      await scheduler.removeApp(first.appId);
    });

    test("it answers", async () => {
      await expect(scheduler.ping()).resolves.toBeUndefined();
    });
  });
}

/**
 * A server that sends an answer to each who connects, and ends with a failure when it is told to die. Answer and first
 * words may hold variables as Perl writes them.
 */
function serve(answer: string, { address = "0.0.0.0", says = "about to listen" } = {}): string {
  return `exec perl -MIO::Socket::INET -e '
    $| = 1;
    print "${says}\\n";
    my $server = IO::Socket::INET->new(
      LocalAddr => "${address}", LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
    while (my $client = $server->accept) {
      my $said = <$client>;
      exit 1 if $said =~ /die/;
      print $client "${answer}";
      close $client;
    }'`;
}

function spec(image: string, script: string): RolloutSpec {
  const releaseId = randomUUID();
  return {
    appId: randomUUID(),
    appName: "contract",
    releaseId,
    releaseNumber: 1,
    rolloutId: releaseId,
    count: 1,
    deploymentId: randomUUID(),
    attempt: 1,
    image,
    command: ["bash", "-c", script],
    processType: "web",
    environment: {},
    limits: { memoryBytes: 128 * mebibyte, cpus: 1, pids: 64 },
    bootTimeoutMs: 20_000,
    hostname: null,
  };
}

async function start(scheduler: Scheduler, rollout: RolloutSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const addresses = await scheduler.start(rollout, { signal: never, onOutput });
  return { addresses, text };
}

async function startToFail(scheduler: Scheduler, rollout: RolloutSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const started = scheduler.start(rollout, { signal: never, onOutput });
  const error: unknown = await started.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { error, text };
}

/** Of the assertions, what is to hold soon: tests that run side by side cannot use `expect.poll`. */
async function eventually(holds: () => Promise<void>): Promise<void> {
  await vi.waitFor(holds, { timeout: 30_000, interval: 100 });
}

function lines(text: string): string[] {
  return text.trimEnd().split("\n");
}

function talkAll(addresses: readonly Address[]): Promise<string[]> {
  return Promise.all(addresses.map((address) => talk(address)));
}

/** What the server at the address answers; "" when it closes without a word or is not there. */
function talk(address: Address | undefined, words = "hello"): Promise<string> {
  if (address === undefined) throw new Error("there is no address");
  const { host, port } = address;
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host, port }, () => socket.write(`${words}\n`));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}
