import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { sourcePace } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";

const pace = { periodMs: 300, minBytes: 1_000 };

describe.skipIf(await lacksRedis())("a slow upload", () => {
  test.for([
    [
      "brings a byte at a time",
      1,
      { SOURCE_TIMEOUT_MS: "60000" },
      pace,
      "sent less than 1000 bytes in 0.3 s",
    ],
    ["stops", 0, { SOURCE_TIMEOUT_MS: "60000" }, pace, "sent less than 1000 bytes in 0.3 s"],
    ["takes too long", 100, { SOURCE_TIMEOUT_MS: "500" }, sourcePace, "took longer than 0.5 s"],
  ] as const)(
    "a slow upload that %s is refused, and leaves nothing",
    async ([, bytes, settings, uploadPace, message]) => {
      await using api = await startTestApi(settings, { uploadPace });
      const { token } = await api.newUser();
      const { source } = (await api.request(token, "POST", "/v1/sources", {})).body as SourceAnswer;
      const upload = request(source.upload_url, { method: "PUT" });
      upload.write("begun");
      const timer = setInterval(() => bytes > 0 && upload.write(Buffer.alloc(bytes)), 5);
      const [response] = (await once(upload, "response")) as [IncomingMessage];
      clearInterval(timer);
      const body = { error: expect.stringContaining(`the upload ${message}`) };
      expect([response.statusCode, await json(response)]).toEqual([408, body]);
      upload.end();
      const parts = join(api.config.blobsUrl.slice("file:".length), "tmp");
      await expect.poll(() => readdir(parts)).toEqual([]);
      expect((await fetch(source.download_url)).status).toBe(404);
      const again = await fetch(source.upload_url, { method: "PUT", body: "the archive" });
      expect(again.status).toBe(200);
    },
  );
});
