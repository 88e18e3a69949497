import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterEach, expect, test } from "vitest";
import { ListInParts, sendListInParts } from "./list-in-parts.ts";
import { errorHandler } from "./middleware/errors.ts";

interface Body {
  readonly items: readonly string[];
}
type Parts = AsyncGenerator<readonly string[]>;

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function serve(parts: () => Parts): Promise<string> {
  const app = express();
  app.get("/list", (_request, response) =>
    sendListInParts(response, 200, new ListInParts<Body>("items", parts())),
  );
  app.get("/other", (_request, response) => void response.send("other"));
  app.use(errorHandler);
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the parts arrive as one JSON document, empty parts too", async () => {
  const url = await serve(async function* () {
    yield [];
    yield ["a", '"]'];
    yield [];
    yield ["b"];
  });
  const response = await fetch(`${url}/list`);
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(await response.json()).toEqual({ items: ["a", '"]', "b"] });
});

test("a list without parts is empty", async () => {
  const url = await serve(async function* () {});
  expect(await (await fetch(`${url}/list`)).json()).toEqual({ items: [] });
});

test("a failure before the first part gets its status, and a later one ends the connection", async () => {
  const failing = (partsBefore: number) =>
    async function* (): Parts {
      for (let index = 0; index < partsBefore; index += 1) yield ["part"];
      throw new Error("the store does not respond");
    };
  const early = await fetch(`${await serve(failing(0))}/list`);
  expect([early.status, await early.json()]).toEqual([500, { error: "internal error" }]);
  const late = `${await serve(failing(2))}/list`;
  await expect(fetch(late).then((response) => response.text())).rejects.toThrow(TypeError);
});

test("no part is made for a client that does not read, and other requests are answered meanwhile", async () => {
  const wanted = 1_000;
  const megabyte = "x".repeat(1e6);
  let made = 0;
  const url = await serve(async function* () {
    for (; made < wanted; made += 1) yield [megabyte];
  });
  const controller = new AbortController();
  await fetch(`${url}/list`, { signal: controller.signal });
  expect(await (await fetch(`${url}/other`)).text()).toBe("other");
  expect(made).toBeLessThan(wanted);
  controller.abort();
});
