// A MongoDB database for one test file: on the server that MONGO_URL names, or on a private one, which tests may also kill.

import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { retry } from "@slipway/async";
import { servicesRequired, testMongoUrl } from "../config.ts";
import { containerMachine, findMongoImage } from "./container.ts";
import { withDatabase } from "./database-url.ts";
import type { Machine } from "./machine.ts";
import { hasMongod, processMachine } from "./process.ts";

/** An empty database for one test file; disposing it removes it. */
export interface TestMongo extends AsyncDisposable {
  readonly url: string;
}

/** A private server, which a test may kill and start again. */
export interface TestMongoServer extends TestMongo {
  /** Ends it like a power failure. Acknowledged writes are still present after `start`. */
  kill(): Promise<void>;
  /** Starts it again, at the same address, and waits until it answers. */
  start(): Promise<void>;
}

/** A container starts two servers, which takes long on a busy machine. */
const startBoundMs = 150_000;
const pollMs = 100;
const missing =
  "no MongoDB server: set MONGO_URL, put mongod on PATH, or let npm test build the image of test/mongodb";

/**
 * Whether tests that need a database must be skipped, for `describe.skipIf`.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksMongo(): Promise<boolean> {
  return testMongoUrl === undefined && (await lacksMongoServer());
}

/** The same for tests that need a private server, which MONGO_URL does not provide. @throws in CI. */
export async function lacksMongoServer(): Promise<boolean> {
  if ((await hasMongod()) || (await findMongoImage()) !== undefined) return false;
  if (servicesRequired) throw new Error(missing);
  return true;
}

/** Opens an empty database on the server of MONGO_URL, else on a private server. */
export async function startMongo(): Promise<TestMongo> {
  if (testMongoUrl === undefined) return startMongoServer();
  const url = withDatabase(testMongoUrl, newName());
  return {
    url,
    [Symbol.asyncDispose]: () =>
      withClient(url, async (client) => {
        await client.db().dropDatabase();
      }),
  };
}

/** Starts a private server: a mongod, else a container. */
export async function startMongoServer(): Promise<TestMongoServer> {
  const machine = await newMachine();
  const url = withDatabase(`mongodb://127.0.0.1:${machine.port}`, newName());
  const start = async () => {
    await machine.start();
    await answers(url);
  };
  try {
    await start();
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
  return {
    url,
    start,
    kill: () => machine.kill(),
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  };
}

async function newMachine(): Promise<Machine> {
  if (await hasMongod()) return processMachine();
  const image = await findMongoImage();
  if (image === undefined) throw new Error(missing);
  return containerMachine(image);
}

function newName(): string {
  return `slipway-test-${randomBytes(4).toString("hex")}`;
}

async function answers(url: string): Promise<void> {
  const ping = () =>
    withClient(url, async (client) => {
      await client.db().command({ ping: 1 });
    });
  await retry(ping, { limitMs: startBoundMs, isRetryable: () => true, pauseMs: () => pollMs });
}

async function withClient(url: string, work: (client: MongoClient) => Promise<void>): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 1_000 });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
