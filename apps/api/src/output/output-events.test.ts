import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Request, Response } from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { App, Deployment, FinalStatus, PhaseRecord } from "@slipway/core";
import { deploymentEvents, openLogWriter } from "@slipway/logs";
import type { LogWriter } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { aNewDeployment, anApp, lacksRedis, requestHead, UnhandledErrors } from "@slipway/testkit";
import { eventStream } from "./event-stream.ts";
import { plainText } from "./plain-text.ts";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("the output as Server-Sent Events", () => {
  let api: TestApi;
  let redis: Redis;
  let ada: TestUser;

  beforeAll(async () => {
    api = await startTestApi();
    redis = new Redis(api.config.redisUrl);
    ada = await api.newUser();
  });
  afterAll(async () => {
    redis.disconnect();
    await api[Symbol.asyncDispose]();
  });

  test("the output as Server-Sent Events sends past and new events to the end", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    run.log.line("one");
    await run.log.flush();
    const events = new Events(run.url, ada.token);
    await events.until((event) => event.text === "one");
    run.log.line("two");
    await run.finish("build-error");
    await events.closed;
    expect(events.response?.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(events.texts).toEqual(["queued", "building", "one", "two", "build-error", "end"]);
    expect(events.lastId).toBe("2.3");
    expect(events.data("end")).toEqual({ lineCount: 2, sha256: run.deployment.logSha256 });
  });

  test("log events have the time of their first line, and phases are sent while they happen", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    const before = Date.now();
    run.log.line("one");
    const events = new Events(run.url, ada.token);
    await events.until((event) => event.text === "one");
    const { at } = events.data("log") as { at: string };
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before);
    const startedAt = new Date();
    const phase = { name: "build", startedAt, bytes: null, reused: ["cache"] };
    await run.phase({ ...phase, finishedAt: null, outcome: null });
    await events.until(({ event }) => event === "phase");
    expect(events.data("phase")).toEqual({
      attempt: 1,
      name: "build",
      state: "started",
      at: startedAt.toISOString(),
      outcome: null,
      bytes: null,
      reused: ["cache"],
      lineCount: 1,
    });
    await run.finish("build-error");
    await events.closed;
    expect(events.lastId).toBe("1.3");
  });

  test("a rewind moves the id back to the last line that was not replaced", () => {
    const cursor = eventStream.parseCursor("12.3");
    const event = { type: "rewind", deploymentId: "d", afterSeq: 7, lineCount: 5 } as const;
    expect(eventStream.textOf(event, cursor)).toBe('id: 7.3\nevent: rewind\ndata: {"afterSeq":7}\n\n');
    expect(cursor).toEqual({ seq: 7, status: 3 });
  });

  test("with Accept: text/plain a followed log is text that ends with the deployment", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    run.log.line("one");
    await run.log.flush();
    const follow = (accept: string) =>
      fetch(run.url, { headers: { authorization: `Bearer ${ada.token}`, accept } });
    const response = await follow("text/plain");
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? "";
    expect(text).toBe("one\n");
    run.log.line("two");
    await run.finish("build-error");
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
      text += next.value;
    expect(text).toBe("one\ntwo\n");
    expect(await (await follow("text/plain")).text()).toBe(text);
    const any = await follow("*/*");
    expect(any.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await any.body?.cancel();
  });

  test("with timestamps=1 each line of text begins with its time", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    for (const line of ["one", "", "three"]) run.log.line(line);
    await run.finish("build-error");
    const plain = { authorization: `Bearer ${ada.token}`, accept: "text/plain" };
    const whole = run.url.replace("follow=1", "timestamps=1");
    for (const url of [whole, `${run.url}&timestamps=1`]) {
      const lines = (await (await fetch(url, { headers: plain })).text()).split("\n");
      expect(lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, ">"))).toEqual([
        ">one",
        ">",
        ">three",
        "",
      ]);
    }
  });

  test("the output as Server-Sent Events resumes after Last-Event-ID, and answers 204 to a client that has received everything", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    for (const line of ["one", "two", "three"]) run.log.line(line);
    await run.finish("build-error");
    const back = new Events(run.url, ada.token, "1.1");
    await back.closed;
    expect(back.texts).toEqual(["building", "two", "three", "build-error", "end"]);
    const done = await fetch(run.url, {
      headers: { authorization: `Bearer ${ada.token}`, "last-event-id": back.lastId },
    });
    expect(done.status).toBe(204);
    const odd = new Events(run.url, ada.token, "malformed");
    await odd.closed;
    expect(odd.texts).toHaveLength(7);
  });

  test("the output as Server-Sent Events requires access to the app and a valid query", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    const otherUser = await api.newUser();
    expect((await api.request(otherUser.token, "GET", run.path)).status).toBe(404);
    expect((await api.request(null, "GET", run.path)).status).toBe(401);
    expect((await api.request(ada.token, "GET", run.path.replace("=1", "=maybe"))).status).toBe(422);
    await run.finish("build-error");
  });

  test("the output as Server-Sent Events has a maximum number of streams per user, and a disconnected client frees one", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    const following = Array.from({ length: 50 }, () => new Events(run.url, ada.token));
    for (const events of following) await events.until((event) => event.text === "building");
    expect((await api.request(ada.token, "GET", run.path)).status).toBe(429);
    following.pop()?.abort();
    const again = new Events(run.url, ada.token);
    const untilAccepted = async () => {
      let events = again;
      while ((await events.opened).status === 429) events = new Events(run.url, ada.token);
      return events;
    };
    const accepted = await untilAccepted();
    await run.finish("build-error");
    await accepted.closed;
    expect(accepted.texts.at(-1)).toBe("end");
  });

  test("a slow client receives everything once it reads on", async () => {
    const run = await Run.start(api, redis, ada.user.id);
    const { hostname, port, pathname, search } = new URL(run.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET ${pathname}${search} HTTP/1.0\r\nhost: x\r\nauthorization: Bearer ${ada.token}\r\n\r\n`,
    );
    await once(socket, "readable");
    const line = "x".repeat(999);
    for (let count = 0; count < 20_000; count += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.finish("build-error");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text.split(line)).toHaveLength(20_001);
    expect(text).toContain("event: end");
  });

  test("a user who loses access is disconnected, others keep receiving", async () => {
    await using other = await startTestApi({}, { heartbeatMs: 50 });
    const [owner, guest] = [await other.newUser(), await other.newUser()];
    const client = new Redis(other.config.redisUrl);
    const run = await Run.start(other, client, owner.user.id);
    const role = { id: "c1", appId: run.deployment.appId, userId: guest.user.id, createdAt: new Date() };
    await other.store.collaborators.create({ ...role, role: "limited" });
    const [byGuest, byOwner] = [new Events(run.url, guest.token), new Events(run.url, owner.token)];
    for (const events of [byGuest, byOwner]) await events.until((event) => event.text === "building");
    await other.store.collaborators.delete(run.deployment.appId, "c1");
    await byGuest.closed;
    run.log.line("secret");
    await run.finish("build-error");
    await byOwner.closed;
    expect(byOwner.texts).toEqual(["queued", "building", "secret", "build-error", "end"]);
    expect(byGuest.texts).toEqual(["queued", "building"]);
    client.disconnect();
  });

  test("a response that ended while a slow client still reads it is not ended twice", async () => {
    using unhandled = new UnhandledErrors();
    await using other = await startTestApi({}, { heartbeatMs: 10 });
    const client = new Redis(other.config.redisUrl);
    const { user, token } = await other.newUser();
    const run = await Run.start(other, client, user.id);
    const ended = Promise.withResolvers<void>();
    await using server = await TestServer.open(async (request, response) => {
      // The client reads nothing, so fill its socket: later writes are buffered.
      while (response.socket?.writableLength === 0) response.socket.write(Buffer.alloc(4_096));
      const isStillAllowed = async () => {
        ended.resolve();
        return false;
      };
      other.service.context.outputEvents.serve(
        run.deployment,
        { user, format: eventStream, isStillAllowed },
        request,
        response,
      );
    });
    const slow = connect(Number(new URL(server.url).port), "127.0.0.1");
    slow.write(requestHead("GET /"));
    await ended.promise;
    const events = new Events(run.url, token);
    await events.until((event) => event.text === "building");
    await run.finish("build-error");
    await events.closed;
    slow.destroy();
    expect(unhandled.errors).toEqual([]);
    client.disconnect();
  });

  test("a followed log as text outlasts the connection's idle timeout while nothing happens", async () => {
    await using other = await startTestApi();
    const client = new Redis(other.config.redisUrl);
    const { user } = await other.newUser();
    const run = await Run.start(other, client, user.id);
    const idle = Promise.withResolvers<void>();
    await using server = await TestServer.open(async (request, response) => {
      request.socket.setTimeout(50).once("timeout", idle.resolve);
      const format = plainText(run.deployment, { timestamps: false });
      const reader = { user, format, isStillAllowed: async () => true };
      other.service.context.outputEvents.serve(run.deployment, reader, request, response);
    });
    const answer = await fetch(server.url);
    await idle.promise;
    run.log.line("late");
    await run.finish("build-error");
    expect(await answer.text()).toBe("late\n");
    client.disconnect();
  });

  test("a follower that reads nothing for the connection's idle timeout is disconnected", async () => {
    await using other = await startTestApi();
    const client = new Redis(other.config.redisUrl);
    const { user } = await other.newUser();
    const run = await Run.start(other, client, user.id);
    const closed = Promise.withResolvers<void>();
    await using server = await TestServer.open(async (request, response) => {
      request.socket.setTimeout(50);
      response.once("close", closed.resolve);
      const format = plainText(run.deployment, { timestamps: false });
      const reader = { user, format, isStillAllowed: async () => true };
      other.service.context.outputEvents.serve(run.deployment, reader, request, response);
      // Until the buffers of the connection are full.
      const fill = () => {
        while (!response.writableNeedDrain) response.write("x".repeat(65_536));
      };
      response.on("drain", fill);
      fill();
    });
    const slow = connect(Number(new URL(server.url).port), "127.0.0.1").pause();
    slow.on("error", () => undefined).write(requestHead("GET /"));
    await expect(closed.promise).resolves.toBeUndefined();
    slow.destroy();
    await run.log[Symbol.asyncDispose]();
    client.disconnect();
  });

  test("a client that disconnects during authentication does not count towards the maximum", async () => {
    await using other = await startTestApi({}, { perUser: 1 });
    const { user, deployment, outputEvents } = await newDeployment(other);
    for (let count = 0; count < 2; count += 1) {
      const served = Promise.withResolvers<void>();
      const leave = new AbortController();
      await using server = await TestServer.open(async (request, response) => {
        leave.abort();
        await once(response, "close");
        try {
          outputEvents.serve(
            deployment,
            { user, format: eventStream, isStillAllowed: async () => true },
            request,
            response,
          );
          served.resolve();
        } catch (error) {
          served.reject(error);
        }
      });
      await expect(fetch(server.url, { signal: leave.signal })).rejects.toThrow("aborted");
      await served.promise;
    }
  });

  test("a stream that is opened during shutdown ends at once, so that the client reconnects", async () => {
    await using other = await startTestApi();
    const { user, deployment, outputEvents } = await newDeployment(other);
    outputEvents[Symbol.dispose]();
    await using server = await TestServer.open(async (request, response) => {
      outputEvents.serve(
        deployment,
        { user, format: eventStream, isStillAllowed: async () => true },
        request,
        response,
      );
    });
    const answer = await fetch(server.url);
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("stopping the API ends open streams", async () => {
    await using other = await startTestApi();
    const user = await other.newUser();
    const client = new Redis(other.config.redisUrl);
    const run = await Run.start(other, client, user.user.id);
    const events = new Events(run.url, user.token);
    await events.until((event) => event.text === "building");
    await run.log[Symbol.asyncDispose]();
    client.disconnect();
    await other.stop();
    await events.closed;
    expect(events.texts).toEqual(["queued", "building"]);
  });
});

async function newDeployment(api: TestApi) {
  const { user } = await api.newUser();
  const app = anApp({ ownerId: user.id });
  await api.store.apps.create(app);
  const deployment = await api.store.deployments.create(
    aNewDeployment({ appId: app.id, ownerId: user.id, createdAt: new Date() }),
  );
  return { user, deployment, outputEvents: api.service.context.outputEvents };
}

/** A server with one handler, which decides when a request is served. */
class TestServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(handle: (request: Request, response: Response) => Promise<void>): Promise<TestServer> {
    const server = express().get("/", handle).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TestServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

/** A running deployment, with the log writer of its worker. */
class Run {
  readonly #api: TestApi;
  readonly #redis: Redis;
  readonly log: LogWriter;
  deployment: Deployment;

  private constructor(api: TestApi, redis: Redis, log: LogWriter, deployment: Deployment) {
    this.#api = api;
    this.#redis = redis;
    this.log = log;
    this.deployment = deployment;
  }

  static async start(api: TestApi, redis: Redis, ownerId: string): Promise<Run> {
    const app: App = anApp({ ownerId });
    await api.store.apps.create(app);
    const queued = await api.store.deployments.create(
      aNewDeployment({ id: randomUUID(), appId: app.id, ownerId, createdAt: new Date() }),
    );
    const log = await openLogWriter({
      bus: { redis, keys: redisKeys(api.config.installationId) },
      store: api.store,
      appId: app.id,
      deploymentId: queued.id,
      attempt: 1,
      secrets: [],
      now: () => new Date(),
    });
    const run = new Run(api, redis, log, queued);
    await run.#put(claim(queued, 1, { at: new Date(), lineCount: 0 }));
    return run;
  }

  get path(): string {
    const { appId, id } = this.deployment;
    return `/v1/apps/${appId}/deployments/${id}/output?follow=1`;
  }

  get url(): string {
    return new URL(this.path, this.#api.url).href;
  }

  async phase(phase: PhaseRecord): Promise<void> {
    const keys = redisKeys(this.#api.config.installationId);
    await deploymentEvents({ redis: this.#redis, keys }).phaseChanged(
      this.deployment,
      phase,
      this.log.lastSeq,
    );
  }

  async finish(status: FinalStatus): Promise<void> {
    const { lineCount, sha256: logSha256 } = await this.log.end();
    const facts = { logLineCount: lineCount, logSha256 };
    await this.#put(changeStatus(this.deployment, status, { at: new Date(), lineCount, facts }));
    await this.log[Symbol.asyncDispose]();
  }

  async #put(next: Deployment): Promise<void> {
    if (!(await this.#api.store.deployments.compareAndSet(next)))
      throw new Error("another process changed the deployment");
    this.deployment = next;
    const keys = redisKeys(this.#api.config.installationId);
    await deploymentEvents({ redis: this.#redis, keys }).statusChanged(next);
  }
}

interface ReceivedEvent {
  readonly event: string;
  readonly data: unknown;
  /** The text of a line, a status, or "end". */
  readonly text: string;
}

/** A client that records each event, and a log event once per line. */
class Events {
  readonly all: ReceivedEvent[] = [];
  readonly opened: Promise<globalThis.Response>;
  readonly closed: Promise<void>;
  response: globalThis.Response | undefined;
  lastId = "";
  readonly #stop = new AbortController();
  #changed = Promise.withResolvers<void>();

  constructor(url: string, token: string, lastEventId?: string) {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    if (lastEventId !== undefined) headers.set("last-event-id", lastEventId);
    this.opened = fetch(url, { headers, signal: this.#stop.signal });
    this.closed = this.#read();
  }

  get texts(): string[] {
    return this.all.map(({ text }) => text);
  }

  data(event: string): unknown {
    return this.all.find((received) => received.event === event)?.data;
  }

  abort(): void {
    this.#stop.abort();
  }

  async until(matches: (event: ReceivedEvent) => boolean): Promise<void> {
    while (!this.all.some(matches)) await this.#changed.promise;
  }

  async #read(): Promise<void> {
    try {
      this.response = await this.opened;
      let text = "";
      for await (const chunk of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const messages = `${text}${chunk}`.split("\n\n");
        text = messages.pop() ?? "";
        for (const each of messages) this.#receive(each);
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  #receive(text: string): void {
    const [, id = "", event = "", json = "null"] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(text) ?? [];
    if (event === "") return;
    this.lastId = id;
    const data = JSON.parse(json) as { lines?: string[]; status?: string };
    for (const line of data.lines ?? [data.status ?? "end"]) this.all.push({ event, data, text: line });
  }
}
