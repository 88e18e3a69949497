// A JSON response with a long list, sent part by part: neither memory nor the time that other requests wait grow with the list.

import { pipeline } from "node:stream/promises";
import type { Response } from "express";

/** The lists of a response body. */
type ListOf<Body> = Extract<Body[keyof Body], readonly unknown[]>;

/** A response body that consists of one list, whose items are produced in parts. */
export class ListInParts<Body> {
  readonly key: keyof Body & string;
  readonly parts: AsyncGenerator<ListOf<Body>>;

  constructor(key: keyof Body & string, parts: AsyncGenerator<ListOf<Body>>) {
    this.key = key;
    this.parts = parts;
  }
}

/**
 * Reads the first part before it sends headers, so that a failure still gets its error status. A later failure closes the connection
 * before the end of the response, so that no client mistakes it for the whole list.
 */
export async function sendListInParts<Body>(
  response: Response,
  status: number,
  { key, parts }: ListInParts<Body>,
): Promise<void> {
  const first = await parts.next();
  response.status(status).type("application/json; charset=utf-8");
  await pipeline(async function* () {
    yield `{${JSON.stringify(key)}:[`;
    let separator = "";
    for (let part = first; part.done !== true; part = await parts.next()) {
      if (part.value.length === 0) continue;
      yield separator + JSON.stringify(part.value).slice(1, -1);
      separator = ",";
    }
    yield "]}";
  }, response);
}
